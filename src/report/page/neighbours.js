// SPDX-License-Identifier: Apache-2.0
// The chosen photo and the photos nearest to it.
"use strict";

const neighbourCount = 12;

/** The `count` photos nearest to point i by Euclidean distance over all kept components, nearest first. */
function nearestNeighbours(i, count = neighbourCount) {
    const distances = new Float64Array(points.n);
    for (const { stored, scale } of points.columns) {
        const here = stored[i];
        for (let j = 0; j < points.n; j++) {
            const d = (stored[j] - here) * scale;
            distances[j] += d * d;
        }
    }
    const nearest = [];
    for (let j = 0; j < points.n; j++) {
        if (j === i || (nearest.length === count && distances[j] >= nearest[count - 1].squared)) continue;
        let at = nearest.length;
        while (at > 0 && nearest[at - 1].squared > distances[j]) at--;
        nearest.splice(at, 0, { point: j, squared: distances[j] });
        if (nearest.length > count) nearest.pop();
    }
    return nearest.map(({ point, squared }) => ({ point, distance: Math.sqrt(squared) }));
}

function setUpNeighbours() {
    const host = byId("selection");

    function labelSign(label) {
        const canvas = element("canvas", { className: "sign", width: 36, height: 36, "aria-hidden": "true" });
        thumbnails.drawShape(canvas.getContext("2d"), report.labels[label].shape, 18, 18, 14, cssColour(labelColour(label)));
        return canvas;
    }

    function card({ point, distance }, chosen) {
        const same = points.labels[point] === points.labels[chosen];
        const button = element("button", { type: "button", className: same ? "card" : "card card-other", title: visible(points.path(point)) },
            element("span", { className: "card-photo" }, thumbnails.canvasFor(point, 96)),
            element("span", { className: "card-label" }, labelSign(points.labels[point]), foreign(labelText(points.labelName(point)))),
            foreign(report.names[point], { className: "path" }),
            element("span", { className: "quiet small" }, "distance " + formatNumber(distance)));
        button.addEventListener("click", () => map.select(point));
        return element("li", {}, button);
    }

    function show(i) {
        if (i < 0) {
            host.replaceChildren(element("p", { className: "quiet" }, "Click a photo on the map to see its nearest neighbours."));
            return;
        }
        const nearest = nearestNeighbours(i);
        const alike = nearest.filter(({ point }) => points.labels[point] === points.labels[i]).length;
        const close = element("button", { type: "button", className: "plain" }, "Clear");
        close.addEventListener("click", () => map.select(-1));
        host.replaceChildren(
            element("div", { className: "chosen" }, thumbnails.canvasFor(i, 128),
                element("div", {}, element("h3", {}, labelSign(points.labels[i]), foreign(labelText(points.labelName(i)))),
                    element("p", { className: "path" }, foreign(points.path(i))),
                    element("p", { className: "quiet small" }, nearest.length === 0 ? "There is no other photo." :
                        `Its ${plural(nearest.length, "nearest neighbour")} by Euclidean distance over the first ${plural(points.columns.length, "component")}; ` +
                        `${alike === nearest.length ? "all" : alike} of them ${alike === 1 ? "carries" : "carry"} the same label.`), close)),
            element("ol", { className: "cards" }, ...nearest.map((neighbour) => card(neighbour, i))));
        map.showNeighbours(nearest.map(({ point }) => point));
    }

    if (points.n > 0 && points.columns.length > 0) {
        map.onSelect(show);
        show(-1);
    }
    return { themeChanged: () => show(map.selected) };
}
