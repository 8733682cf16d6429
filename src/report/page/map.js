// SPDX-License-Identifier: Apache-2.0
// The map: three canvases on one another (grid, points, marks), what the pointer and the keys do, and what is chosen.
"use strict";

const map = (() => {
    const stage = byId("stage");
    const canvases = { grid: byId("grid"), points: byId("points"), marks: byId("marks") };
    const tip = byId("tip");
    const camera = new Camera();
    const axes = [0, 1, 2];
    const listeners = { select: [], hoverLabel: [] };
    let scatter = null;
    let hovered = -1;
    let selected = -1;
    let neighbourPoints = [];
    let hoveredLabel = -1; // of the legend
    let isolated = new Set(); // labels; empty: all are shown
    let labelCentres = [];
    let dirty = false;
    let printing = false;
    const motion = { ends: 0, lastFrame: 0, nDrawn: points.n }; // see drawnInMotion()

    const valueAt = (axis, i) => {
        const column = points.columns[axes[axis]];
        return column && (axis < 2 || camera.dimensions === 3) ? column.stored[i] * column.scale : 0;
    };
    const isActive = (label) => isolated.size === 0 || isolated.has(label);
    const density = () => Math.max(1, Math.min(2, devicePixelRatio || 1));

    /** Point diameter in CSS pixels: smaller when there are many, a little larger when zoomed in. */
    function pointDiameter() {
        const base = Math.max(3, Math.min(11, 60 / points.n ** 0.28));
        return base * Math.min(2, camera.zoom ** 0.25);
    }

    function fitBox() {
        const middle = [0, 0, 0];
        const half = [0, 0, 0];
        for (let axis = 0; axis < camera.dimensions; axis++) {
            const column = points.columns[axes[axis]];
            if (!column) continue;
            let [low, high] = [Infinity, -Infinity];
            for (const stored of column.stored) {
                if (stored < low) low = stored;
                if (stored > high) high = stored;
            }
            middle[axis] = ((low + high) / 2) * column.scale;
            half[axis] = ((high - low) / 2) * column.scale;
        }
        camera.setBox(middle, half, byId("same-scale").checked);
        camera.update();
    }

    /** A label's name stands at the median of its points on each axis. */
    function findLabelCentres() {
        labelCentres = pointsOfLabel.map((members) => [0, 1, 2].map((axis) => {
            const column = points.columns[axes[axis]];
            if (!column || (axis === 2 && camera.dimensions === 2)) return 0;
            const values = Int16Array.from(members, (i) => column.stored[i]).sort();
            return values[values.length >> 1] * column.scale;
        }));
    }

    function applyAxes() {
        fitBox();
        findLabelCentres();
        scatter.setAxes(camera.dimensions === 3 ? axes : [axes[0], axes[1], -1]);
        redraw();
    }

    function applyEmphasis() {
        const someone = hoveredLabel >= 0;
        report.labels.forEach((_, label) => {
            let emphasis = isActive(label) ? EMPHASIS.plain : EMPHASIS.dim;
            if (someone) emphasis = label === hoveredLabel ? EMPHASIS.high : EMPHASIS.dim;
            scatter.emphasis[label] = emphasis;
        });
        scatter.updateLabels();
        redraw();
    }

    /** A canvas' 2D context, cleared, in CSS pixels. */
    function freshContext(canvas) {
        const scale = density();
        canvas.width = Math.round(camera.width * scale);
        canvas.height = Math.round(camera.height * scale);
        const context = canvas.getContext("2d");
        context.scale(scale, scale);
        context.font = "12px system-ui, sans-serif";
        return context;
    }

    const axisTitle = (axis) => {
        const ratio = report.ratios[axes[axis]];
        return `PC${axes[axis] + 1}` + (isNumber(ratio) ? ` · ${formatPercent(ratio)}` : "");
    };

    const screen = [0, 0, 0];
    const place = (i) => camera.project(valueAt(0, i), valueAt(1, i), valueAt(2, i), screen);

    function ring(context, i, radius, width, colour) {
        const [x, y] = place(i);
        context.beginPath();
        context.arc(x, y, radius, 0, 2 * Math.PI);
        context.lineWidth = width + 2.5;
        context.strokeStyle = styleColour("--plot");
        context.stroke();
        context.lineWidth = width;
        context.strokeStyle = colour;
        context.stroke();
    }

    /** Photos at their points, each where it covers no other: as many as find room. */
    function drawPhotos(context) {
        if (!byId("photos").checked) return;
        const edge = Math.max(30, Math.min(52, camera.width / 22));
        const taken = new Map(); // of square cells of one edge: the middles of the photos in it
        context.lineWidth = 2;
        context.imageSmoothingQuality = "high";
        for (const i of scatter.order) {
            const label = points.labels[i];
            if (!thumbnails.has(i) || !isActive(label) || (hoveredLabel >= 0 && label !== hoveredLabel)) continue;
            const [x, y] = place(i);
            if (x < 0 || y < 0 || x > camera.width || y > camera.height) continue;
            const [column, row] = [Math.floor(x / edge), Math.floor(y / edge)];
            let free = true;
            for (let u = column - 1; u <= column + 1; u++)
                for (let v = row - 1; v <= row + 1; v++)
                    for (const [tx, ty] of taken.get(v * 1024 + u) ?? [])
                        free &&= Math.abs(tx - x) > edge + 3 || Math.abs(ty - y) > edge + 3;
            if (!free) continue;
            const cell = row * 1024 + column;
            taken.set(cell, [...(taken.get(cell) ?? []), [x, y]]);
            context.strokeStyle = cssColour(labelColour(label));
            thumbnails.drawAt(context, i, x, y, edge, redraw);
        }
    }

    /** Names of labels at their middle, the most frequent first, each where no other name stands yet. */
    function drawNames(context) {
        const taken = [];
        const wanted = byId("names").checked ? report.labels.map((_, label) => label).filter(isActive) : [];
        wanted.sort((a, b) => pointsOfLabel[b].length - pointsOfLabel[a].length);
        if (hoveredLabel >= 0) wanted.splice(0, wanted.length, hoveredLabel);
        context.font = "600 12px system-ui, sans-serif";
        context.textAlign = "center";
        context.lineJoin = "round";
        for (const label of wanted.slice(0, 400)) {
            const [x, y] = camera.project(...labelCentres[label], screen);
            let text = labelText(report.labels[label].name);
            if (text.length > 28) text = text.slice(0, 27) + "…";
            const half = context.measureText(text).width / 2 + 3;
            const box = [x - half, y - 9, x + half, y + 7];
            if (box[0] < 0 || box[1] < 0 || box[2] > camera.width || box[3] > camera.height) continue;
            if (taken.some((t) => box[0] < t[2] && t[0] < box[2] && box[1] < t[3] && t[1] < box[3])) continue;
            taken.push(box);
            context.lineWidth = 3.5;
            context.strokeStyle = styleColour("--plot");
            context.strokeText(text, x, y + 4);
            context.fillStyle = styleColour("--ink");
            context.fillText(text, x, y + 4);
        }
    }

    function drawMarks() {
        const context = freshContext(canvases.marks);
        const radius = pointDiameter() / 2 + 2.5;
        if (printing) {
            drawGrid(context, camera, [0, 1, 2].map(axisTitle));
            context.drawImage(canvases.points, 0, 0, camera.width, camera.height);
        }
        drawPhotos(context);
        drawNames(context);
        if (selected >= 0) {
            const accent = styleColour("--accent");
            const [fromX, fromY] = place(selected);
            context.lineWidth = 1;
            context.strokeStyle = accent;
            context.beginPath();
            for (const i of neighbourPoints) {
                const [x, y] = place(i);
                context.moveTo(fromX, fromY);
                context.lineTo(x, y);
            }
            context.stroke();
            for (const i of neighbourPoints) ring(context, i, radius, 1.2, accent);
            ring(context, selected, radius + 2, 2.4, accent);
        }
        if (hovered >= 0) ring(context, hovered, radius, 1.8, styleColour("--ink"));
    }

    /** The view is being moved: until it rests for a moment, frames may be drawn with fewer points. */
    function move() {
        motion.ends = performance.now() + 160;
        redraw();
    }

    /**
     * How many points this frame draws. All of them where that is fast enough; where frames come too slowly to follow the
     * hand, as without a graphics card, fewer while the view moves. Once it rests all are drawn again.
     */
    function drawnInMotion(now) {
        if (now >= motion.ends || points.n < 5000) {
            motion.lastFrame = 0;
            return points.n;
        }
        const took = motion.lastFrame > 0 ? now - motion.lastFrame : 25;
        motion.lastFrame = now;
        if (took > 50) motion.nDrawn = Math.max(4000, Math.round(motion.nDrawn * Math.max(0.25, 40 / took)));
        else if (took < 20) motion.nDrawn = Math.min(points.n, Math.round(motion.nDrawn * 1.25));
        redraw(); // frame after frame, so that their distance says how long they take
        return motion.nDrawn;
    }

    function draw(now = performance.now()) {
        dirty = false;
        const { clientWidth, clientHeight } = stage;
        if (clientWidth === 0) return;
        camera.width = clientWidth;
        camera.height = clientHeight;
        camera.update();
        drawGrid(freshContext(canvases.grid), camera, [0, 1, 2].map(axisTitle));
        scatter.resize(Math.round(clientWidth * density()), Math.round(clientHeight * density()));
        const ground = styleColour("--plot-rgb").split(" ").map((part) => Number(part) / 255);
        const nDrawn = printing ? points.n : drawnInMotion(now);
        canvases.points.dataset.drawn = nDrawn; // for tests
        scatter.draw(camera, pointDiameter() * density(), ground, nDrawn);
        drawMarks();
    }

    function redraw() {
        if (dirty) return;
        dirty = true;
        requestAnimationFrame(draw);
    }

    /** The shown photo nearest to (px, py), within `reach` pixels; -1 when there is none. */
    function pick(px, py, reach = 14) {
        let [best, bestDistance] = [-1, reach * reach];
        const columns = [0, 1, 2].map((axis) => points.columns[axes[axis]]);
        const [cx, cy] = columns;
        const cz = camera.dimensions === 3 ? columns[2] : undefined;
        for (let i = 0; i < points.n; i++) {
            if (!isActive(points.labels[i])) continue;
            camera.project(cx.stored[i] * cx.scale, cy ? cy.stored[i] * cy.scale : 0, cz ? cz.stored[i] * cz.scale : 0, screen);
            const distance = (screen[0] - px) ** 2 + (screen[1] - py) ** 2;
            if (distance < bestDistance) [best, bestDistance] = [i, distance];
        }
        return best;
    }

    function hover(i) {
        if (i === hovered) return;
        hovered = i;
        tip.hidden = i < 0;
        if (i >= 0) {
            tip.replaceChildren(...(thumbnails.has(i) ? [thumbnails.canvasFor(i, 96)] : []),
                element("div", {}, element("strong", {}, foreign(labelText(points.labelName(i)))), element("br"), foreign(report.names[i], { className: "path" })));
            const [x, y] = place(i);
            const right = x > camera.width / 2;
            tip.style.left = right ? "" : x + 14 + "px";
            tip.style.right = right ? camera.width - x + 14 + "px" : "";
            tip.style.top = Math.max(4, Math.min(camera.height - tip.offsetHeight - 4, y - tip.offsetHeight / 2)) + "px";
        }
        canvases.points.style.cursor = i >= 0 ? "pointer" : "";
        redraw();
    }

    function select(i) {
        selected = i;
        neighbourPoints = [];
        for (const listener of listeners.select) listener(i);
        redraw();
    }

    /** Steps through the shown photos. */
    function step(direction) {
        for (let tried = 0, i = selected < 0 && direction < 0 ? 0 : selected; tried < points.n; tried++) {
            i = (i + direction + points.n) % points.n;
            if (isActive(points.labels[i])) return select(i);
        }
    }

    function listenToPointers() {
        const target = canvases.points;
        const pressed = new Map();
        let travelled = 0;
        let pinch = 0;
        const local = (event) => {
            const box = target.getBoundingClientRect();
            return [event.clientX - box.left, event.clientY - box.top];
        };
        target.addEventListener("pointerdown", (event) => {
            target.setPointerCapture(event.pointerId);
            pressed.set(event.pointerId, local(event));
            if (pressed.size === 1) travelled = 0;
            pinch = 0;
        });
        target.addEventListener("pointermove", (event) => {
            const here = local(event);
            const before = pressed.get(event.pointerId);
            if (!before) {
                if (event.pointerType !== "touch") hover(pick(...here));
                return;
            }
            pressed.set(event.pointerId, here);
            const [dx, dy] = [here[0] - before[0], here[1] - before[1]];
            travelled += Math.abs(dx) + Math.abs(dy);
            if (pressed.size === 1) {
                if (travelled > 4) {
                    hover(-1);
                    camera.drag(dx, dy, camera.dimensions === 2 || event.shiftKey || event.buttons > 1);
                }
            } else {
                const [a, b] = [...pressed.values()];
                const apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
                camera.drag(dx / 2, dy / 2, true);
                if (pinch > 0) camera.zoomAt(apart / pinch, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
                pinch = apart;
            }
            move();
        });
        const release = (event) => {
            const wasOne = pressed.size === 1;
            pressed.delete(event.pointerId);
            if (event.type === "pointerup" && wasOne && travelled <= 4) {
                const i = pick(...local(event), event.pointerType === "touch" ? 24 : 14);
                select(i);
                if (event.pointerType === "touch") hover(i);
            }
        };
        target.addEventListener("pointerup", release);
        target.addEventListener("pointercancel", release);
        // A finger that is lifted leaves too, but what it tapped stays named.
        target.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && hover(-1));
        target.addEventListener("contextmenu", (event) => event.preventDefault());
        // A page that scrolls must not get stuck on the map: it zooms only when it has been clicked, or with Ctrl.
        target.addEventListener("wheel", (event) => {
            if (document.activeElement !== target && !event.ctrlKey && !event.metaKey) return;
            event.preventDefault();
            const lines = event.deltaMode === 1 ? 16 : 1;
            camera.zoomAt(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)), ...local(event));
            hover(-1);
            move();
        }, { passive: false });
    }

    function listenToKeys() {
        const actions = {
            ArrowLeft: () => camera.drag(40, 0), ArrowRight: () => camera.drag(-40, 0),
            ArrowUp: () => camera.drag(0, 40), ArrowDown: () => camera.drag(0, -40),
            "+": () => camera.zoomAt(1.3), "=": () => camera.zoomAt(1.3), "-": () => camera.zoomAt(1 / 1.3),
            0: () => camera.reset(),
            n: () => step(1), p: () => step(-1),
            Enter: () => select(pick(camera.width / 2, camera.height / 2, Infinity)),
            Escape: () => select(-1),
        };
        canvases.points.addEventListener("keydown", (event) => {
            const action = actions[event.key] ?? actions[event.key.toLowerCase()];
            if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
            event.preventDefault();
            action();
            redraw();
        });
    }

    function setUpToolbar() {
        const setMode = (dimensions) => {
            camera.dimensions = dimensions;
            camera.reset();
            byId("mode-2").setAttribute("aria-pressed", dimensions === 2);
            byId("mode-3").setAttribute("aria-pressed", dimensions === 3);
            byId("axis-2-label").hidden = dimensions === 2;
            applyAxes();
        };
        byId("mode-2").addEventListener("click", () => setMode(2));
        byId("mode-3").addEventListener("click", () => setMode(3));
        byId("mode-3").disabled = points.columns.length < 3;
        axes.forEach((_, axis) => {
            const chooser = byId("axis-" + axis);
            points.columns.forEach((_, c) => chooser.append(element("option", { value: c }, `PC${c + 1}`)));
            axes[axis] = Math.min(axis, points.columns.length - 1);
            chooser.value = axes[axis];
            chooser.addEventListener("change", () => {
                axes[axis] = Number(chooser.value);
                applyAxes();
            });
        });
        byId("axis-2-label").hidden = true;
        byId("same-scale").addEventListener("change", applyAxes);
        byId("names").checked = report.labels.length > 1 && report.labels.length <= 60;
        byId("names").addEventListener("change", redraw);
        byId("photos").addEventListener("change", redraw);
        byId("photos").parentElement.hidden = thumbnails.n === 0;
        const zoom = (factor) => () => {
            camera.zoomAt(factor);
            redraw();
        };
        byId("zoom-in").addEventListener("click", zoom(1.4));
        byId("zoom-out").addEventListener("click", zoom(1 / 1.4));
        byId("reset").addEventListener("click", () => {
            camera.reset();
            redraw();
        });
    }

    function describe() {
        const total = report.points.n_total;
        const parts = [points.n < total
            ? `${formatCount(points.n)} of ${formatCount(total)} photos, taken evenly from the table`
            : plural(points.n, "photo")];
        parts[0] += ", each a point at its principal components; photos that look alike to the network lie close together.";
        if (points.columns.length < nComponentsKept)
            parts.push(`The axes offer the first ${points.columns.length} of ${formatCount(nComponentsKept)} components.`);
        if (thumbnails.n === 0) parts.push("This report carries no thumbnails.");
        else if (thumbnails.n < points.n)
            parts.push(`${formatCount(thumbnails.n)} of them carry a thumbnail, spread evenly over the labels; the others show their label's sign.`);
        byId("map-note").textContent = parts.join(" ");
    }

    function sayInstead(text) {
        byId("map-layout").classList.add("map-unavailable");
        byId("stage-message").textContent = text;
        byId("stage-message").hidden = false;
    }

    function setUp() {
        if (points.n === 0 || points.columns.length === 0) {
            byId("map-note").textContent = points.n === 0 ? "No photo was written, so there is nothing to map."
                : "This run made no PCA, so the photos have no place on a map.";
            byId("map-layout").hidden = true;
            return;
        }
        describe();
        setUpToolbar();
        try {
            scatter = new Scatter(canvases.points);
        } catch {
            sayInstead("This browser offers no WebGL 2, which the map needs. plots/components_2d.svg shows the same points.");
            return;
        }
        scatter.onRestored = applyAxes;
        listenToPointers();
        listenToKeys();
        new ResizeObserver(redraw).observe(stage);
        applyAxes();
    }

    return {
        setUp,
        select,
        get selected() { return selected; },
        get isolated() { return isolated; },
        onSelect: (listener) => listeners.select.push(listener),
        showNeighbours(list) {
            neighbourPoints = list;
            redraw();
        },
        isolate(labels) {
            isolated = labels;
            if (scatter) applyEmphasis();
        },
        hoverLabel(label) {
            hoveredLabel = label;
            if (scatter) applyEmphasis();
        },
        themeChanged() {
            if (!scatter) return;
            scatter.updateLabels();
            redraw();
        },
        /** Before and after printing, which leaves WebGL out: everything is drawn on one canvas then. */
        setPrinting(value) {
            printing = value;
            if (scatter) draw();
        },
        /** For tests: where a point is on the stage, in CSS pixels. */
        place: (i) => [...place(i)],
        pick,
    };
})();
