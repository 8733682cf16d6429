// SPDX-License-Identifier: Apache-2.0
// What the manifest (run.json) tells: counts, speed, where the time went, and with what the run was made.
"use strict";

function figure(value, name, properties = {}) {
    return element("div", properties, element("dt", {}, name), element("dd", {}, value));
}

/** The run's time and what to call it: a report made at the end of a run does not know its own time yet. */
function totalTime() {
    const stages = fromManifest("seconds") || {};
    const parts = Object.values(stages).filter(isNumber);
    if (parts.length === 0) return undefined;
    const seconds = isNumber(stages.total) ? stages.total : parts.reduce((a, b) => a + b);
    return { seconds, name: isNumber(stages.report) ? "in all" : "up to this report" };
}

function setUpFigures() {
    const figures = byId("figures");
    const written = fromManifest("counts", "written") ?? report.points.n_total;
    const failed = fromManifest("counts", "failed") ?? report.n_failures;
    const listed = fromManifest("counts", "listed") ?? written + failed;
    figures.append(figure(formatCount(listed), "listed"), figure(formatCount(written), "written"));
    const failures = failed > 0 ? element("a", { href: "#failures" }, formatCount(failed)) : "0";
    figures.append(figure(failures, "failed", { className: failed > 0 ? "figure-failed" : "" }));
    const speed = fromManifest("photos_per_second");
    if (isNumber(speed)) figures.append(figure(formatNumber(speed), "photos per second"));
    const time = totalTime();
    if (time) figures.append(figure(formatSeconds(time.seconds), time.name));
    const memory = fromManifest("peak_memory_bytes");
    if (isNumber(memory)) figures.append(figure(formatBytes(memory), "peak memory"));

    if (listed === written + failed) {
        const bar = element("div", { className: "balance", role: "img", "aria-label": `${written} written and ${failed} failed make ${listed} listed` });
        for (const [share, name] of [[written, "written"], [failed, "failed"]]) {
            if (share === 0) continue;
            const part = element("span", { className: "balance-" + name });
            part.style.flexGrow = share;
            bar.append(part);
        }
        byId("balance").append(bar);
    } else {
        byId("balance").append(element("p", { className: "notice" },
            `These counts do not add up: ${formatCount(written)} written and ${formatCount(failed)} failed are not ${formatCount(listed)} listed.`));
    }
}

/** Rows of name, bar, seconds, share. */
function timeTable(title, note, stages) {
    const total = stages.reduce((sum, [, seconds]) => sum + seconds, 0);
    const body = element("tbody");
    for (const [name, seconds] of stages) {
        const bar = element("span", { className: "bar" });
        bar.style.width = (total > 0 ? (100 * seconds) / total : 0) + "%";
        body.append(element("tr", {}, element("th", { scope: "row" }, foreign(name)), element("td", { className: "bar-cell" }, bar),
            element("td", {}, formatSeconds(seconds)), element("td", {}, total > 0 ? formatPercent(seconds / total) : "")));
    }
    return element("div", {}, element("h3", {}, title), element("p", { className: "quiet small" }, note), element("table", { className: "times" }, body));
}

function setUpTimes() {
    const inOrder = (stages, names) => {
        const known = names.filter((name) => isNumber(stages[name]));
        const others = Object.keys(stages).filter((name) => isNumber(stages[name]) && !names.includes(name) && name !== "total");
        return [...known, ...others].map((name) => [name, stages[name]]);
    };
    const stages = inOrder(fromManifest("seconds") || {}, ["list", "extract", "fit", "transform", "report"]);
    const inside = inOrder(fromManifest("seconds", "per_stage") || {}, ["read", "decode", "resize", "cnn", "write"]);
    if (stages.length === 0 && inside.length === 0) {
        byId("time-note").textContent = "The manifest names no times.";
        return;
    }
    const threads = fromManifest("threads");
    if (stages.length) byId("time-bars").append(timeTable("The run", "Seconds on the clock, one stage after the other.", stages));
    if (inside.length)
        byId("time-bars").append(timeTable("Inside extract", `Seconds of work, added up over ${isNumber(threads) ? plural(threads, "thread") : "all threads"}.`, inside));
    const speed = fromManifest("photos_per_second");
    const time = totalTime();
    const parts = [];
    if (isNumber(speed)) parts.push(`${formatNumber(speed)} photos per second`);
    if (time) parts.push(`${formatSeconds(time.seconds)} ${time.name}`);
    if (parts.length) byId("time-note").textContent = parts.join(", ") + ".";
}

function setUpFacts() {
    const facts = byId("facts");
    const add = (name, value, className = "") => {
        if (value === undefined || value === null || value === "") return;
        facts.append(element("div", {}, element("dt", {}, name), element("dd", { className }, foreign(typeof value === "string" ? value : JSON.stringify(value)))));
    };
    const command = fromManifest("arguments", "command_line") ?? fromManifest("command_line");
    add("Source", fromManifest("source"));
    add("Pomona", fromManifest("version"));
    add("Started", fromManifest("started"));
    add("Network", fromManifest("network", "name"));
    add("Chosen because", fromManifest("network", "selection"));
    add("Network identity", fromManifest("network", "identity"), "mono");
    const inputPx = fromManifest("network", "input_px");
    if (isNumber(inputPx)) add("Input", `${inputPx} × ${inputPx} pixels`);
    const width = fromManifest("network", "n_features");
    if (isNumber(width)) add("Features per photo", formatCount(width));
    add("Components kept", nComponentsKept > 0 ? formatCount(nComponentsKept) : undefined);
    add("Threads", fromManifest("threads"));
    add("Kernels", fromManifest("cpu"));
    add("Scaling", fromManifest("pca", "scale"));
    add("Command", command, "mono");
    if (report.manifest) byId("manifest").querySelector("pre").textContent = visible(JSON.stringify(report.manifest, null, 2).replaceAll("\n", "\u0001")).replaceAll("⟨U+0001⟩", "\n");
    else byId("manifest").hidden = true;
}

function setUpOverview() {
    const title = visible(report.title) || "Pomona report";
    document.title = title + " · Pomona";
    byId("title").replaceChildren(foreign(report.title || "Pomona report"));
    const kinds = report.labels.filter((label) => label.name !== "").length;
    const network = fromManifest("network", "name");
    byId("subtitle").replaceChildren([plural(report.points.n_total, "photo"), kinds ? plural(kinds, "label") : "",
        nComponentsKept ? plural(nComponentsKept, "component") : ""].filter(Boolean).join(" · "),
        ...(network ? [" · ", foreign(network)] : []));
    setUpFigures();
    setUpTimes();
    setUpFacts();
}
