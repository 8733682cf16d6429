// SPDX-License-Identifier: Apache-2.0
// Text and elements. All outside text passes through visible() and becomes text nodes: never HTML.
"use strict";

/** File names may hold line breaks, bytes that steer the terminal, or marks that turn the reading direction: such
 *  characters are shown by their code point, so that a name cannot pass for another. */
function visible(text) {
    return String(text).replace(
        /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g,
        (c) => "⟨U+" + c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0") + "⟩",
    );
}

/** A label's name as people read it. */
function labelText(name) {
    return name === "" ? "(no label)" : visible(name);
}

/** element("a", {href: "#x", className: "y"}, child, "text"): properties are set as properties, `data` and `aria` by name. */
function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (value === undefined || value === null) continue;
        if (name.includes("-") || name === "role" || name === "for" || name === "scope" || name === "colspan")
            made.setAttribute(name, value);
        else made[name] = value;
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
}

/** Outside text, isolated in its reading direction. */
function foreign(text, properties = {}) {
    return element("bdi", properties, visible(text));
}

function svgElement(tag, attributes = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
}

const byId = (id) => document.getElementById(id);

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

const formatCount = (n) => n.toLocaleString("en-US");

const plural = (n, one, many = one + "s") => `${formatCount(n)} ${n === 1 ? one : many}`;

/** Three digits that matter, without exponents. */
function formatNumber(value) {
    if (value === 0) return "0";
    const digits = Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(Math.abs(value)))));
    return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

const formatPercent = (ratio) => formatNumber(100 * ratio) + "\u00a0%";

function formatSeconds(seconds) {
    if (seconds < 0.001) return seconds <= 0 ? "0 s" : "< 1 ms";
    if (seconds < 1) return Math.round(1000 * seconds) + " ms";
    if (seconds < 100) return formatNumber(seconds) + " s";
    const minutes = Math.floor(seconds / 60);
    if (minutes < 100) return `${minutes} min ${Math.round(seconds - 60 * minutes)} s`;
    return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function formatBytes(bytes) {
    const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (bytes >= 1024 && unit + 1 < units.length) {
        bytes /= 1024;
        unit++;
    }
    return formatNumber(bytes) + " " + units[unit];
}

/** The value of a custom property of the style sheet: canvases take their colours from it. */
function styleColour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** A label's colour on the ground the page has now. */
function labelColour(label) {
    return isDark() ? report.labels[label].dark : report.labels[label].light;
}

const cssColour = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;
