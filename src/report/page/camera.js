// SPDX-License-Identifier: Apache-2.0
// Where the map is seen from. One 4x4 matrix (column-major, as WebGL takes it) serves the points, the axes, and finding
// the photo under the pointer; in 2D it only moves and scales, in 3D it turns the cloud in front of a fixed eye.
"use strict";

class Camera {
    constructor() {
        this.dimensions = 2;
        this.width = 1; // of the stage, CSS pixels
        this.height = 1;
        this.matrix = new Float32Array(16);
        this.setBox([0, 0, 0], [1, 1, 1], true);
        this.reset();
    }

    /** The data's middle and half extents on the three axes; with `sameScale`, a unit is as long on each of them. */
    setBox(middle, half, sameScale) {
        const largest = Math.max(...half) || 1;
        this.middle = middle;
        this.half = half.map((h) => h || largest || 1);
        this.sameScale = sameScale;
    }

    reset() {
        this.zoom = 1;
        this.pan = [0, 0]; // CSS pixels
        this.azimuth = -0.6;
        this.elevation = 0.38;
        this.update();
    }

    /** CSS pixels per unit of each axis at zoom 1. */
    scales() {
        if (this.dimensions === 3) {
            // Half the box's diagonal, whichever way it is turned, fits into the stage.
            const radius = Math.min(this.width * 0.62, this.height * 0.49);
            return this.half.map((h) => (this.sameScale ? radius / Math.hypot(...this.half) : radius / (h * Math.sqrt(3))));
        }
        const each = [Math.max(8, this.width * 0.45 - 14) / this.half[0], Math.max(8, this.height * 0.45 - 10) / this.half[1]];
        const least = Math.min(...each);
        return this.sameScale ? [least, least, 0] : [each[0], each[1], 0];
    }

    /** Recomputes the matrix: data -> pixels round the stage's middle -> clip space. */
    update() {
        const scale = this.scales().map((s) => s * this.zoom);
        const [cx, cy, cz] = this.middle;
        let rows; // pixel x, pixel y, depth towards the eye in pixels
        if (this.dimensions === 2) {
            rows = [[scale[0], 0, 0], [0, scale[1], 0], [0, 0, 0]];
        } else {
            const [sa, ca] = [Math.sin(this.azimuth), Math.cos(this.azimuth)];
            const [se, ce] = [Math.sin(this.elevation), Math.cos(this.elevation)];
            rows = [
                [ca * scale[0], 0, sa * scale[2]],
                [sa * se * scale[0], ce * scale[1], -ca * se * scale[2]],
                [-sa * ce * scale[0], se * scale[1], ca * ce * scale[2]],
            ];
        }
        const offset = rows.map((row) => -(row[0] * cx + row[1] * cy + row[2] * cz));
        // The eye is `distance` pixels in front of the middle: w = 1 - depth / distance shrinks what is behind it.
        const distance = this.dimensions === 3 ? 3.2 * Math.min(this.width, this.height) * Math.max(1, this.zoom) : Infinity;
        const deepest = 4 * Math.min(this.width, this.height) * Math.max(1, this.zoom);
        const m = this.matrix;
        for (let column = 0; column < 4; column++) {
            const of = (row) => (column < 3 ? rows[row][column] : offset[row]);
            const w = -of(2) / distance + (column === 3 ? 1 : 0);
            m[4 * column] = (2 * of(0)) / this.width + ((2 * this.pan[0]) / this.width) * w;
            m[4 * column + 1] = (2 * of(1)) / this.height - ((2 * this.pan[1]) / this.height) * w;
            m[4 * column + 2] = -of(2) / deepest;
            m[4 * column + 3] = w;
        }
    }

    /** Data to CSS pixels on the stage; the third number is the size factor of perspective. */
    project(x, y, z, out = [0, 0, 0]) {
        const m = this.matrix;
        const w = 1 / (m[3] * x + m[7] * y + m[11] * z + m[15]);
        out[0] = (0.5 + 0.5 * (m[0] * x + m[4] * y + m[8] * z + m[12]) * w) * this.width;
        out[1] = (0.5 - 0.5 * (m[1] * x + m[5] * y + m[9] * z + m[13]) * w) * this.height;
        out[2] = w;
        return out;
    }

    /** CSS pixels to data; 2D only. */
    unproject(px, py) {
        const scale = this.scales().map((s) => s * this.zoom);
        return [(px - this.width / 2 - this.pan[0]) / scale[0] + this.middle[0], (this.height / 2 + this.pan[1] - py) / scale[1] + this.middle[1]];
    }

    /** Zooms by `factor`; the pixel (px, py) stays where it is. */
    zoomAt(factor, px = this.width / 2, py = this.height / 2) {
        const before = this.zoom;
        this.zoom = Math.max(0.3, Math.min(500, this.zoom * factor));
        const k = this.zoom / before;
        const [ox, oy] = [px - this.width / 2, py - this.height / 2];
        this.pan = [ox - (ox - this.pan[0]) * k, oy - (oy - this.pan[1]) * k];
        this.update();
    }

    /** A drag by (dx, dy) pixels: moves in 2D, turns in 3D. */
    drag(dx, dy, move = this.dimensions === 2) {
        if (move) {
            this.pan = [this.pan[0] + dx, this.pan[1] + dy];
        } else {
            this.azimuth += dx * 0.008;
            this.elevation = Math.max(-1.55, Math.min(1.55, this.elevation + dy * 0.008));
        }
        this.update();
    }
}
