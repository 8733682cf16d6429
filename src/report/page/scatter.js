// SPDX-License-Identifier: Apache-2.0
// Draws the points with WebGL 2 through PicoGL: one vertex per photo, a small texture with each label's colour, shape and
// emphasis. Dimmed, plain and highlighted labels are three passes over the same points, so that none hides a higher one.
"use strict";

const EMPHASIS = { dim: 0, plain: 1, high: 2 };

const scatterVertexShader = `#version 300 es
layout(location = 0) in vec3 position;
layout(location = 1) in float label;
uniform mat4 matrix;
uniform sampler2D labels;   // rgb: colour; a: shape + 16 * emphasis
uniform vec3 appearance;    // point diameter in device pixels, emphasis drawn in this pass, fog 0 or 1
flat out vec3 colour;
flat out int shape;
flat out float diameter;
flat out float fade;

void main() {
    int index = int(label);
    vec4 texel = texelFetch(labels, ivec2(index % 256, index / 256), 0);
    int code = int(texel.a * 255.0 + 0.5);
    shape = code % 16;
    if (code / 16 != int(appearance.y)) {
        gl_Position = vec4(2.0, 2.0, 2.0, 1.0); // of another pass: outside the view
        gl_PointSize = 0.0;
        return;
    }
    gl_Position = matrix * vec4(position, 1.0);
    diameter = appearance.x / gl_Position.w;
    gl_PointSize = diameter + 2.0;
    colour = texel.rgb;
    // Perspective leaves w between about 0.8 (near) and 1.2 (far): what is far fades towards the ground.
    fade = appearance.z * clamp((gl_Position.w - 0.85) / 0.4, 0.0, 1.0) * 0.6;
    if (appearance.y == 0.0) fade = 0.6; // dimmed
}`;

const scatterFragmentShader = `#version 300 es
precision highp float;
flat in vec3 colour;
flat in int shape;
flat in float diameter;
flat in float fade;
uniform vec3 ground;
uniform vec3 look;          // opacity, halo 0 or 1, smallest opacity that is drawn
out vec4 result;

/* Signed distance to the shape's edge, in units of its radius; below 0 is inside. */
float edge(vec2 p, int kind) {
    if (kind == 1) return max(abs(p.x), abs(p.y)) - 0.75;
    if (kind == 3) return (abs(p.x) + abs(p.y) - 1.0) * 0.7071;
    if (kind == 5) return min(max(abs(p.x) - 1.0, abs(p.y) - 0.3), max(abs(p.x) - 0.3, abs(p.y) - 1.0));
    if (kind == 2 || kind == 4) {
        float y = kind == 2 ? -p.y : p.y;
        return max(-y - 0.75, (abs(p.x) * 1.79 + y) * 0.4878 - 0.4634);
    }
    return length(p) - 0.85;
}

void main() {
    float radius = 0.5 * diameter;
    vec2 p = (gl_PointCoord - 0.5) * (diameter + 2.0) / radius;
    float d = edge(p, shape % 6);
    float wall = max(0.32, 1.6 / radius);
    float body = shape >= 6 ? abs(d + 0.5 * wall) - 0.5 * wall : d;
    float cover = clamp(0.5 - body * radius, 0.0, 1.0);
    float rim = look.y * clamp(1.3 - d * radius, 0.0, 1.0) * 0.85; // a thin ring of ground parts points that overlap
    vec3 ink = mix(colour, ground, fade);
    float alpha = max(cover, shape >= 6 ? cover : rim) * look.x;
    if (alpha < look.z) discard;
    result = vec4(mix(ground, ink, cover / max(cover, max(rim, 0.001))) * alpha, alpha);
}`;

class Scatter {
    /** Throws when the browser offers no WebGL 2. */
    constructor(canvas) {
        const attributes = { antialias: false, alpha: true, depth: true, premultipliedAlpha: true, preserveDrawingBuffer: true };
        const context = canvas.getContext("webgl2", attributes);
        if (!context) throw new Error("no WebGL 2");
        this.canvas = canvas;
        this.app = PicoGL.createApp(context);
        this.positions = new Float32Array(3 * points.n); // in drawing order
        this.emphasis = new Uint8Array(report.labels.length).fill(EMPHASIS.plain);
        // Points come sorted by path, hence by label: drawn in that order, the last label would lie over all others. Steps of
        // a number prime to n visit all points, well mixed and the same way each time.
        this.order = new Uint32Array(points.n);
        const gcd = (a, b) => (b ? gcd(b, a % b) : a);
        let step = Math.max(1, Math.floor(points.n * 0.618));
        while (gcd(step, points.n) > 1) step++;
        for (let i = 0, at = 0; i < points.n; i++, at = (at + step) % points.n) this.order[i] = at;
        this.build();
        this.app.onContextRestored(() => {
            this.build();
            this.onRestored?.();
        });
    }

    build() {
        const { app } = this;
        const labelOf = Float32Array.from(this.order, (i) => points.labels[i]);
        this.positionBuffer = app.createVertexBuffer(PicoGL.FLOAT, 3, this.positions, PicoGL.DYNAMIC_DRAW);
        const labelBuffer = app.createVertexBuffer(PicoGL.FLOAT, 1, labelOf);
        const vertices = app.createVertexArray().vertexAttributeBuffer(0, this.positionBuffer).vertexAttributeBuffer(1, labelBuffer);
        const rows = Math.max(1, Math.ceil(report.labels.length / 256));
        this.texels = new Uint8Array(4 * 256 * rows);
        this.texture = app.createTexture2D(this.texels, 256, rows, {
            internalFormat: PicoGL.RGBA8, minFilter: PicoGL.NEAREST, magFilter: PicoGL.NEAREST,
        });
        const program = app.createProgram(scatterVertexShader, scatterFragmentShader);
        this.call = app.createDrawCall(program, vertices).primitive(PicoGL.POINTS).texture("labels", this.texture);
        app.clearColor(0, 0, 0, 0).enable(PicoGL.BLEND).blendFunc(PicoGL.ONE, PicoGL.ONE_MINUS_SRC_ALPHA);
        this.updateLabels();
    }

    /** Puts components a, b, c on the three axes. */
    setAxes(axes) {
        const columns = axes.map((a) => points.columns[a]);
        for (let i = 0; i < points.n; i++) {
            const point = this.order[i];
            for (let axis = 0; axis < 3; axis++)
                this.positions[3 * i + axis] = columns[axis] ? columns[axis].stored[point] * columns[axis].scale : 0;
        }
        this.positionBuffer.data(this.positions);
    }

    /** Sends colours (which follow the theme) and emphasis to the texture. */
    updateLabels() {
        report.labels.forEach((label, i) => {
            this.texels.set([...labelColour(i), label.shape + 16 * this.emphasis[i]], 4 * i);
        });
        this.texture.data(this.texels);
    }

    resize(width, height) {
        if (this.canvas.width !== width || this.canvas.height !== height) this.app.resize(width, height);
    }

    /** `nDrawn`: only so many points, which are spread evenly over all since they come well mixed. */
    draw(camera, diameter, ground, nDrawn = points.n) {
        const { app, call } = this;
        const solid = camera.dimensions === 3;
        const halo = diameter >= 5 ? 1 : 0;
        const passes = [
            { emphasis: EMPHASIS.dim, size: 0.8, opacity: 0.13, halo: 0 },
            { emphasis: EMPHASIS.plain, size: 1, opacity: points.n > 20000 ? 0.8 : 0.95, halo },
            { emphasis: EMPHASIS.high, size: 1.3, opacity: 1, halo },
        ];
        app.depthMask(true).clear();
        for (const pass of passes) {
            if (!this.emphasis.includes(pass.emphasis)) continue;
            // Only points that are plainly drawn may hide others by depth.
            const hides = solid && pass.emphasis !== EMPHASIS.dim;
            if (hides) app.enable(PicoGL.DEPTH_TEST);
            else app.disable(PicoGL.DEPTH_TEST);
            call.drawRanges([0, Math.min(nDrawn, points.n)])
                .uniform("matrix", camera.matrix.slice())
                .uniform("appearance", [diameter * pass.size, pass.emphasis, solid ? 1 : 0])
                .uniform("ground", ground)
                .uniform("look", [pass.opacity, pass.halo, hides ? 0.4 : 0.004])
                .draw();
        }
    }
}
