// SPDX-License-Identifier: Apache-2.0
// The two variance charts: the share of each component, and the running total with the k that reaches 80, 90, 95, 99 %.
"use strict";

const variance = (() => {
    const ratios = report.ratios.map((ratio) => (isNumber(ratio) ? Math.max(0, ratio) : 0));
    const cumulative = [];
    ratios.reduce((sum, ratio, i) => (cumulative[i] = sum + ratio), 0);
    /** The smallest k whose components explain at least `share`; 0 when all together do not. */
    const reaching = (share) => cumulative.findIndex((sum) => sum >= share - 1e-12) + 1;
    const marks = [0.8, 0.9, 0.95, 0.99].map((share) => ({ share, k: reaching(share) })).filter((mark) => mark.k > 0);
    return { ratios, cumulative, marks, kept: nComponentsKept };
})();

/** Round steps for an axis from 0 to `largest`: 1, 2 or 5 times a power of ten. */
function niceStep(largest, most) {
    const rough = largest / most;
    const power = 10 ** Math.floor(Math.log10(rough));
    return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
}

/** An SVG with axes for components 1..n against shares 0..top; returns what is needed to draw into it. */
function chartFrame(width, n, top, name) {
    const height = Math.max(220, Math.min(320, Math.round(width * 0.56)));
    const edge = { left: 46, right: 14, top: 14, bottom: 38 };
    const svg = svgElement("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": name });
    const x = (k) => edge.left + ((k - 1) / Math.max(1, n - 1)) * (width - edge.left - edge.right);
    const y = (share) => height - edge.bottom - (share / top) * (height - edge.top - edge.bottom);
    const step = top === 1 ? 0.2 : niceStep(top, 4);
    for (let share = 0; share <= top * 1.0001; share += step) {
        svg.append(svgElement("line", { class: "grid", x1: edge.left, x2: width - edge.right, y1: y(share), y2: y(share) }),
            svgElement("text", { class: "tick", x: edge.left - 7, y: y(share) + 4, "text-anchor": "end" }, formatPercent(share)));
    }
    const kStep = Math.max(1, niceStep(n, width > 420 ? 8 : 5));
    for (let k = 1; k <= n; k = k === 1 && kStep > 1 ? kStep : k + kStep)
        svg.append(svgElement("text", { class: "tick", x: x(k), y: height - edge.bottom + 17, "text-anchor": "middle" }, String(k)));
    svg.append(svgElement("text", { class: "axis", x: width - edge.right, y: height - 4, "text-anchor": "end" }, "component"));
    return { svg, x, y, width, height, edge };
}

/** A line that follows the pointer and says the numbers under it. */
function addReadout(frame, n, textFor) {
    const line = svgElement("line", { class: "readout", y1: frame.edge.top, y2: frame.height - frame.edge.bottom, visibility: "hidden" });
    const text = svgElement("text", { class: "readout-text", y: frame.edge.top + 2, visibility: "hidden" });
    frame.svg.append(line, text);
    frame.svg.addEventListener("pointermove", (event) => {
        const box = frame.svg.getBoundingClientRect();
        const at = ((event.clientX - box.left) / box.width) * frame.width;
        const share = (at - frame.edge.left) / (frame.width - frame.edge.left - frame.edge.right);
        const k = Math.max(1, Math.min(n, Math.round(1 + share * (n - 1))));
        line.setAttribute("x1", frame.x(k));
        line.setAttribute("x2", frame.x(k));
        const right = frame.x(k) > frame.width / 2;
        text.setAttribute("x", frame.x(k) + (right ? -6 : 6));
        text.setAttribute("text-anchor", right ? "end" : "start");
        text.textContent = textFor(k);
        for (const part of [line, text]) part.setAttribute("visibility", "visible");
    });
    frame.svg.addEventListener("pointerleave", () => {
        for (const part of [line, text]) part.setAttribute("visibility", "hidden");
    });
}

function drawScree(width) {
    const n = Math.min(variance.ratios.length, 50);
    const top = Math.max(...variance.ratios.slice(0, n)) * 1.05 || 1;
    const frame = chartFrame(width, n, top, "Share of variance of the first " + plural(n, "component"));
    const { svg, x, y } = frame;
    const path = variance.ratios.slice(0, n).map((ratio, i) => `${i ? "L" : "M"}${x(i + 1).toFixed(1)} ${y(ratio).toFixed(1)}`).join("");
    svg.append(svgElement("path", { class: "area", d: `${path}L${x(n)} ${y(0)}L${x(1)} ${y(0)}Z` }),
        svgElement("path", { class: "curve", d: path }));
    for (let k = 1; k <= n; k++)
        svg.append(svgElement("circle", { class: k <= variance.kept ? "dot" : "dot dot-left-out", cx: x(k), cy: y(variance.ratios[k - 1]), r: n > 30 ? 2.4 : 3.2 }));
    if (variance.kept > 0 && variance.kept < n) {
        const middle = (x(variance.kept) + x(variance.kept + 1)) / 2;
        svg.append(svgElement("line", { class: "kept", x1: middle, x2: middle, y1: frame.edge.top + 18, y2: y(0) }),
            svgElement("text", { class: "mark-text", x: middle + 6, y: frame.edge.top + 30 }, `k = ${variance.kept} kept`));
    }
    addReadout(frame, n, (k) => `PC${k}: ${formatPercent(variance.ratios[k - 1])}`);
    return svg;
}

function drawCumulative(width) {
    const { cumulative, marks, kept } = variance;
    const furthest = Math.max(marks.length ? marks[marks.length - 1].k * 1.12 : cumulative.length, Math.min(kept, cumulative.length), 5);
    const n = Math.min(cumulative.length, Math.ceil(furthest));
    const frame = chartFrame(width, n, 1, "Running total of variance over " + plural(n, "component"));
    const { svg, x, y } = frame;
    const path = cumulative.slice(0, n).map((sum, i) => `${i ? "L" : "M"}${x(i + 1).toFixed(1)} ${y(sum).toFixed(1)}`).join("");
    svg.append(svgElement("path", { class: "curve", d: path }));
    // Each mark's name stands below its drop line's foot, one line lower than the mark before it, so that none collide.
    // All lines come first, so that no mark's line runs through the name of another.
    for (const { share, k } of marks)
        svg.append(svgElement("path", { class: "mark-line", d: `M${frame.edge.left} ${y(share)}H${x(k)}M${x(k)} ${y(cumulative[k - 1])}V${y(0)}` }),
            svgElement("circle", { class: "dot", cx: x(k), cy: y(cumulative[k - 1]), r: 3.5 }));
    marks.forEach(({ share, k }, i) => {
        const right = x(k) > width * 0.62;
        svg.append(svgElement("text", { class: "mark-text", x: x(k) + (right ? -7 : 7), y: y(0.56 - 0.13 * i), "text-anchor": right ? "end" : "start" },
            `${formatPercent(share)} at k = ${k}`));
    });
    addReadout(frame, n, (k) => `${plural(k, "component")}: ${formatPercent(cumulative[k - 1])}`);
    return svg;
}

function drawVarianceTable() {
    const rows = Math.min(variance.ratios.length, 400);
    const body = element("tbody");
    for (let k = 1; k <= rows; k++)
        body.append(element("tr", {}, element("th", { scope: "row" }, "PC" + k),
            element("td", {}, formatPercent(variance.ratios[k - 1])), element("td", {}, formatPercent(variance.cumulative[k - 1]))));
    const head = element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Component"),
        element("th", { scope: "col" }, "Share"), element("th", { scope: "col" }, "Running total")));
    const caption = rows < variance.ratios.length ? `The first ${rows} of ${formatCount(variance.ratios.length)} components` : plural(rows, "component");
    byId("variance-table").querySelector(".scroll").replaceChildren(element("table", { className: "numbers" }, element("caption", {}, caption), head, body));
}

function setUpVariance() {
    if (variance.ratios.length === 0) {
        byId("variance-note").textContent = "This run made no PCA, so there is no variance to show.";
        byId("variance-charts").hidden = byId("variance-table").hidden = true;
        return;
    }
    const parts = variance.marks.map(({ share, k }) => `${formatPercent(share)} with ${formatCount(k)}`);
    const keptShare = variance.kept > 0 ? variance.cumulative[Math.min(variance.kept, variance.cumulative.length) - 1] : 0;
    byId("variance-note").textContent =
        (variance.kept > 0 ? `The ${plural(variance.kept, "component")} kept explain ${formatPercent(keptShare)} of the variance. ` : "") +
        (parts.length ? `Components needed: ${parts.join(", ")}.` : "");
    const draw = (id, chart) => {
        const host = byId(id);
        const width = Math.floor(host.clientWidth);
        if (width > 0 && host.dataset.width !== String(width)) {
            host.dataset.width = width;
            host.replaceChildren(chart(width));
        }
    };
    const drawAll = () => {
        draw("scree", drawScree);
        draw("cumulative", drawCumulative);
    };
    new ResizeObserver(drawAll).observe(byId("variance-charts"));
    drawAll();
    byId("variance-table").addEventListener("toggle", drawVarianceTable, { once: true });
}
