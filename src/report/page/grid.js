// SPDX-License-Identifier: Apache-2.0
// What lies under the points: lines with their values in 2D, the box's floor and back walls in 3D, and the axes' titles.
"use strict";

function drawGrid2D(context, camera, titles) {
    const [left, top] = camera.unproject(0, 0);
    const [right, bottom] = camera.unproject(camera.width, camera.height);
    const texts = []; // written when all lines are drawn, each with a halo of the ground, so that no line runs through a minus
    const lines = (axis, low, high, count) => {
        const step = niceStep(high - low, count);
        for (let i = Math.ceil(low / step); i * step <= high; i++) {
            const value = i * step;
            const [x, y] = camera.project(axis ? 0 : value, axis ? value : 0, 0);
            context.strokeStyle = styleColour(i === 0 ? "--axis" : "--grid");
            context.beginPath();
            if (axis) context.moveTo(0, Math.round(y) + 0.5), context.lineTo(camera.width, Math.round(y) + 0.5);
            else context.moveTo(Math.round(x) + 0.5, 0), context.lineTo(Math.round(x) + 0.5, camera.height);
            context.stroke();
            const text = formatNumber(value).replace("-", "−");
            if (axis && y > 26 && y < camera.height - 24) texts.push(["left", text, 5, y - 4]);
            if (!axis && x > 44 && x < camera.width - 90) texts.push(["center", text, x, camera.height - 6]);
        }
    };
    lines(0, left, right, camera.width / 90);
    lines(1, bottom, top, camera.height / 70);
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeStyle = styleColour("--plot");
    context.fillStyle = styleColour("--muted");
    for (const [align, text, x, y] of texts) {
        context.textAlign = align;
        context.strokeText(text, x, y);
        context.fillText(text, x, y);
    }
    context.lineWidth = 1;
    context.fillStyle = styleColour("--ink");
    context.font = "600 12px system-ui, sans-serif";
    context.textAlign = "right";
    context.fillText(titles[0], camera.width - 8, camera.height - 6);
    context.textAlign = "left";
    context.fillText(titles[1], 6, 16);
}

function drawGrid3D(context, camera, titles) {
    const { middle } = camera;
    const half = camera.half.map((h) => 1.05 * h);
    const at = (u, v, w) => camera.project(middle[0] + u * half[0], middle[1] + v * half[1], middle[2] + w * half[2]);
    const line = (a, b, colour) => {
        const [from, to] = [at(...a), at(...b)];
        context.strokeStyle = styleColour(colour);
        context.beginPath();
        context.moveTo(from[0], from[1]);
        context.lineTo(to[0], to[1]);
        context.stroke();
    };
    // The three faces of the box that are behind the points, seen from here.
    const back = [Math.sin(camera.azimuth) > 0 ? 1 : -1, camera.elevation > 0 ? -1 : 1, Math.cos(camera.azimuth) > 0 ? -1 : 1];
    for (let t = -1; t <= 1; t += 0.5) {
        line([t, back[1], -1], [t, back[1], 1], "--grid");
        line([-1, back[1], t], [1, back[1], t], "--grid");
        line([back[0], t, -1], [back[0], t, 1], "--grid");
        line([back[0], -1, t], [back[0], 1, t], "--grid");
        line([t, -1, back[2]], [t, 1, back[2]], "--grid");
        line([-1, t, back[2]], [1, t, back[2]], "--grid");
    }
    const corner = [-back[0], back[1], -back[2]]; // nearest corner of the floor
    line([-1, back[1], corner[2]], [1, back[1], corner[2]], "--axis");
    line([corner[0], back[1], -1], [corner[0], back[1], 1], "--axis");
    line([back[0], -1, corner[2]], [back[0], 1, corner[2]], "--axis");
    context.fillStyle = styleColour("--ink");
    context.font = "600 12px system-ui, sans-serif";
    const title = (axis, u, v, w) => {
        const [x, y] = at(u, v, w);
        context.textAlign = x < camera.width * 0.33 ? "right" : x > camera.width * 0.67 ? "left" : "center";
        const room = context.measureText(titles[axis]).width;
        const low = context.textAlign === "right" ? room + 4 : context.textAlign === "center" ? room / 2 + 4 : 4;
        const high = camera.width - (context.textAlign === "left" ? room + 4 : context.textAlign === "center" ? room / 2 + 4 : 4);
        context.fillText(titles[axis], Math.max(low, Math.min(high, x)), Math.max(14, Math.min(camera.height - 6, y)));
    };
    title(0, 0, back[1] * 1.08, corner[2] * 1.2);
    title(1, back[0] * 1.06, 0.9, corner[2] * 1.12);
    title(2, corner[0] * 1.2, back[1] * 1.08, 0);
}

/** Draws into a cleared 2D context in CSS pixels; `titles` are the three axes'. */
function drawGrid(context, camera, titles) {
    if (camera.dimensions === 2) drawGrid2D(context, camera, titles);
    else drawGrid3D(context, camera, titles);
}
