// SPDX-License-Identifier: Apache-2.0
// The photos that failed: by reason, each list closed until it is asked for, all of it searchable.
"use strict";

function setUpFailures() {
    const pageRows = 50;
    const search = byId("failures-search");
    const groups = byId("failures-groups");
    const failures = report.failures.map(([path, label, stage, reason, message]) => ({
        path, label, stage, reason,
        // The path stands in its own column: there is no need to begin with it again.
        message: message.startsWith(path + ": ") ? message.slice(path.length + 2) : message,
        text: [path, label, stage, reason, message].join("\n").toLocaleLowerCase(),
    }));
    const total = Math.max(report.n_failures, fromManifest("counts", "failed") || 0);
    const note = byId("failures-note");
    if (total === 0) {
        note.textContent = "None: every photo of the listing is in the table.";
        return;
    }

    function table(rows) {
        const body = element("tbody");
        const more = element("button", { type: "button", className: "plain" });
        let shown = 0;
        const extend = (count) => {
            for (const failure of rows.slice(shown, shown + count))
                body.append(element("tr", {}, element("td", { className: "path" }, foreign(failure.path)),
                    element("td", {}, foreign(labelText(failure.label))), element("td", {}, foreign(failure.stage)),
                    element("td", {}, foreign(failure.message))));
            shown = Math.min(rows.length, shown + count);
            more.hidden = shown === rows.length;
            more.textContent = `Show ${formatCount(Math.min(pageRows * 4, rows.length - shown))} more of ${formatCount(rows.length - shown)}`;
        };
        more.addEventListener("click", () => extend(pageRows * 4));
        extend(pageRows);
        const head = element("thead", {}, element("tr", {}, ...["Photo", "Label", "Stage", "What happened"].map((name) => element("th", { scope: "col" }, name))));
        return element("div", { className: "scroll" }, element("table", { className: "failures" }, head, body), more);
    }

    function group(reason, rows, count, open) {
        const details = element("details", { open },
            element("summary", {}, element("span", { className: "reason" }, foreign(reason.replaceAll("_", " "))), " ",
                element("span", { className: "count" }, formatCount(count))));
        const fill = () => {
            if (details.open && details.children.length === 1)
                details.append(rows.length > 0 ? table(rows) : element("p", { className: "quiet" }, "Not listed in this report: see the failures table."));
        };
        details.addEventListener("toggle", fill);
        fill();
        return details;
    }

    function show() {
        const wanted = search.value.trim().toLocaleLowerCase();
        const found = wanted ? failures.filter((failure) => failure.text.includes(wanted)) : failures;
        const byReason = new Map();
        for (const failure of found) {
            if (!byReason.has(failure.reason)) byReason.set(failure.reason, []);
            byReason.get(failure.reason).push(failure);
        }
        const counts = new Map([...byReason].map(([reason, rows]) => [reason, rows.length]));
        if (!wanted) {
            for (const [reason, count] of Object.entries(fromManifest("counts", "by_reason") || {}))
                if (isNumber(count)) counts.set(reason, Math.max(count, counts.get(reason) || 0));
        }
        const reasons = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || (a < b ? -1 : 1));
        groups.replaceChildren(...reasons.map((reason) => group(reason, byReason.get(reason) || [], counts.get(reason), wanted !== "" || (reasons.length === 1 && found.length <= pageRows))));
        const parts = [`${plural(total, "photo")} failed, for ${plural(reasons.length, "reason")}.`];
        if (wanted) parts[0] = `${formatCount(found.length)} of ${plural(failures.length, "failure")} found.`;
        if (failures.length < total) parts.push(`The first ${formatCount(failures.length)} are listed here; the failures table has all.`);
        note.textContent = parts.join(" ");
    }

    search.hidden = failures.length < 2;
    search.addEventListener("input", show);
    show();
}
