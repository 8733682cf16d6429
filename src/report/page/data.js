// SPDX-License-Identifier: Apache-2.0
// Reads what src/report/data.h describes: the report's JSON and its blocks of numbers.
"use strict";

const report = JSON.parse(document.getElementById("report").textContent);

/** The bytes of a block; empty when there is none. The element is emptied, so that its text does not stay in memory. */
function blockBytes(id) {
    const element = document.getElementById(id);
    if (!element) return new Uint8Array(0);
    const text = atob(element.textContent);
    element.textContent = "";
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
}

const points = (() => {
    const n = report.points.n;
    const stored = new Int16Array(blockBytes("components").buffer);
    const columns = report.points.scales.map((scale, c) => ({
        scale,
        stored: stored.subarray(c * n, (c + 1) * n),
    }));
    return {
        n,
        /** One entry per kept component: value of point i is stored[i] * scale. */
        columns,
        /** Index into report.labels, per point. */
        labels: new Uint32Array(blockBytes("point-labels").buffer),
        folders: new Uint32Array(blockBytes("point-folders").buffer),
        path: (i) => report.folders[points.folders[i]] + report.names[i],
        labelName: (i) => report.labels[points.labels[i]].name,
    };
})();

/** Points of each label: pointsOfLabel[label] is a list of point indices. */
const pointsOfLabel = (() => {
    const lists = report.labels.map(() => []);
    for (let i = 0; i < points.n; i++) lists[points.labels[i]].push(i);
    return lists;
})();

/** The manifest's value at a path of keys, or undefined: run.json may lack any of them. */
function fromManifest(...keys) {
    let value = report.manifest;
    for (const key of keys) {
        if (value === null || typeof value !== "object") return undefined;
        value = value[key];
    }
    return value;
}

/** k of the PCA: the report may carry fewer components than were kept. */
const nComponentsKept = Math.max(report.points.n_components_total, Number(fromManifest("pca", "n_components")) || 0);
