// SPDX-License-Identifier: Apache-2.0
// The list of labels: search narrows it, pointing at a label highlights it on the map, a click shows it alone, Shift or
// Ctrl with a click adds and removes others.
"use strict";

function setUpLegend() {
    const list = byId("legend-list");
    const search = byId("legend-search");
    const status = byId("legend-status");
    const clear = byId("legend-clear");
    const mostItems = 300; // of a longer list, the search shows the rest
    let isolated = new Set();
    const lowerNames = report.labels.map((label) => labelText(label.name).toLocaleLowerCase());

    function sign(label) {
        const canvas = element("canvas", { className: "sign", width: 36, height: 36, "aria-hidden": "true" });
        thumbnails.drawShape(canvas.getContext("2d"), report.labels[label].shape, 18, 18, 14, cssColour(labelColour(label)));
        return canvas;
    }

    function item(label) {
        const button = element("button", { type: "button", "aria-pressed": String(isolated.has(label)) }, sign(label),
            foreign(labelText(report.labels[label].name), { className: "legend-name" }),
            element("span", { className: "count" }, formatCount(pointsOfLabel[label].length)));
        button.dataset.label = label;
        return element("li", {}, button);
    }

    function matching() {
        const wanted = search.value.trim().toLocaleLowerCase();
        return report.labels.map((_, label) => label).filter((label) => lowerNames[label].includes(wanted));
    }

    function show() {
        const found = matching();
        list.replaceChildren(...found.slice(0, mostItems).map(item));
        const parts = [search.value.trim() ? `${formatCount(found.length)} of ${plural(report.labels.length, "label")} found` : plural(report.labels.length, "label")];
        if (found.length > mostItems) parts.push(`the first ${mostItems} are listed`);
        if (isolated.size > 0) parts.push(`${formatCount(isolated.size)} shown`);
        status.textContent = parts.join(", ") + (isolated.size === 0 && found.length > 0 ? ". Click to show one alone, Shift-click for several." : ".");
        clear.hidden = isolated.size === 0;
    }

    function setIsolated(labels) {
        isolated = labels;
        map.isolate(isolated);
        show();
    }

    function choose(label, several) {
        const next = new Set(several ? isolated : []);
        if (isolated.has(label) && (several || isolated.size === 1)) next.delete(label);
        else next.add(label);
        setIsolated(next);
        list.querySelector(`[data-label="${label}"]`)?.focus();
    }

    const labelUnder = (event) => {
        const button = event.target.closest("button");
        return button ? Number(button.dataset.label) : -1;
    };
    list.addEventListener("click", (event) => {
        const label = labelUnder(event);
        if (label >= 0) choose(label, event.shiftKey || event.ctrlKey || event.metaKey);
    });
    list.addEventListener("pointerover", (event) => event.pointerType !== "touch" && map.hoverLabel(labelUnder(event)));
    list.addEventListener("pointerleave", () => map.hoverLabel(-1));
    list.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && map.hoverLabel(labelUnder(event)));
    list.addEventListener("focusout", () => map.hoverLabel(-1));
    search.addEventListener("input", show);
    search.addEventListener("keydown", (event) => {
        const found = matching();
        if (event.key === "Enter" && search.value.trim() && found.length > 0) setIsolated(new Set(found));
        if (event.key === "Escape") {
            search.value = "";
            show();
        }
    });
    clear.addEventListener("click", () => setIsolated(new Set()));
    show();
    return { themeChanged: show };
}
