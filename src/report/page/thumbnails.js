// SPDX-License-Identifier: Apache-2.0
// Thumbnails: which photos have one, and drawing them out of the JPEG sheets (src/report/thumbnails.h).
"use strict";

const thumbnails = (() => {
    const { n, tile_px: tilePx, n_sheets: nSheets } = report.thumbnails;
    const perRow = 32;
    const perSheet = perRow * perRow;
    const pointOf = new Uint32Array(blockBytes("thumbnail-points").buffer);
    const sizes = blockBytes("thumbnail-sizes");
    const thumbnailOf = new Map();
    for (let t = 0; t < n; t++) if (sizes[2 * t] > 0) thumbnailOf.set(pointOf[t], t);

    // A sheet is decoded when one of its tiles is first wanted, and then kept.
    const sheets = new Array(nSheets);
    const bitmaps = new Array(nSheets); // the same, once decoded
    function sheet(s) {
        if (!sheets[s]) {
            sheets[s] = createImageBitmap(new Blob([blockBytes("sheet-" + s)], { type: "image/jpeg" }));
            sheets[s].then((bitmap) => (bitmaps[s] = bitmap), () => {});
        }
        return sheets[s];
    }

    /** Where thumbnail t is on its sheet. */
    function tile(t) {
        const inSheet = t % perSheet;
        return {
            s: Math.floor(t / perSheet), x: (inSheet % perRow) * tilePx, y: Math.floor(inSheet / perRow) * tilePx,
            width: sizes[2 * t], height: sizes[2 * t + 1],
        };
    }

    /** Draws point i's thumbnail round (x, y); false when its sheet is not decoded yet, which calls `later` in the end. */
    function drawAt(context, i, x, y, edgePx, later) {
        const { s, x: left, y: top, width, height } = tile(thumbnailOf.get(i));
        if (!bitmaps[s]) {
            sheet(s).then(later, () => {});
            return false;
        }
        const scale = edgePx / Math.max(width, height);
        const [w, h] = [width * scale, height * scale];
        context.drawImage(bitmaps[s], left, top, width, height, x - w / 2, y - h / 2, w, h);
        context.strokeRect(x - w / 2, y - h / 2, w, h);
        return true;
    }

    /** The shape that stands for a label in the map, drawn round (x, y); also what a photo without thumbnail shows. */
    function drawShape(context, shape, x, y, radius, colour) {
        context.save();
        context.translate(x, y);
        context.beginPath();
        const r = radius;
        const polygon = (...corners) => {
            corners.forEach(([u, v], i) => (i ? context.lineTo(u * r, v * r) : context.moveTo(u * r, v * r)));
            context.closePath();
        };
        const w = 0.3;
        switch (shape % 6) {
            case 0: context.arc(0, 0, 0.85 * r, 0, 2 * Math.PI); break;
            case 1: polygon([-0.75, -0.75], [0.75, -0.75], [0.75, 0.75], [-0.75, 0.75]); break;
            case 2: polygon([0, -0.95], [0.95, 0.75], [-0.95, 0.75]); break;
            case 3: polygon([0, -1], [1, 0], [0, 1], [-1, 0]); break;
            case 4: polygon([0, 0.95], [0.95, -0.75], [-0.95, -0.75]); break;
            case 5:
                polygon([-w, -1], [w, -1], [w, -w], [1, -w], [1, w], [w, w], [w, 1], [-w, 1], [-w, w], [-1, w], [-1, -w], [-w, -w]);
                break;
        }
        if (shape < 6) {
            context.fillStyle = colour;
            context.fill();
        } else {
            context.lineWidth = Math.max(1.2, 0.35 * r);
            context.strokeStyle = colour;
            context.stroke();
        }
        context.restore();
    }

    /** A canvas of at most edgePx CSS pixels that shows point i: its thumbnail, or its label's shape when it has none. */
    function canvasFor(i, edgePx) {
        const canvas = element("canvas", { className: "thumbnail", role: "img", "aria-label": visible(points.path(i)) });
        const density = Math.max(1, Math.min(3, devicePixelRatio || 1));
        const t = thumbnailOf.get(i);
        const show = (width, height) => {
            const scale = edgePx / Math.max(width, height);
            canvas.style.width = Math.round(width * scale) + "px";
            canvas.style.height = Math.round(height * scale) + "px";
            canvas.width = Math.round(width * scale * density);
            canvas.height = Math.round(height * scale * density);
            return canvas.getContext("2d");
        };
        if (t === undefined) {
            canvas.classList.add("thumbnail-missing");
            const context = show(edgePx, edgePx);
            const label = report.labels[points.labels[i]];
            const middle = canvas.width / 2;
            drawShape(context, label.shape, middle, middle, middle / 4, cssColour(labelColour(points.labels[i])));
        } else {
            const { s, x, y, width, height } = tile(t);
            const context = show(width, height);
            context.imageSmoothingQuality = "high";
            const draw = (bitmap) => {
                context.drawImage(bitmap, x, y, width, height, 0, 0, canvas.width, canvas.height);
                canvas.dataset.drawn = "yes";
            };
            if (bitmaps[s]) draw(bitmaps[s]);
            else sheet(s).then(draw, () => canvas.classList.add("thumbnail-missing"));
        }
        return canvas;
    }

    return { n: thumbnailOf.size, has: (i) => thumbnailOf.has(i), canvasFor, drawAt, drawShape };
})();
