# SPDX-License-Identifier: Apache-2.0
"""Training images without end: kinds of fruit, each seen several times, on other backgrounds and in other
lights.

The unit is a group of four pictures of one kind, because the training's contrastive term needs pictures
that belong together. A kind is
  - a class of photographed fruit, cut out of its white background (one label per class),
  - such a class with a colour and proportions of its own: a fruit that could exist (a new label),
  - a drawn fruit: shape, colours, stripes, spots, stem from random numbers (a new label),
  - a class of phone photos, cropped, perhaps recoloured,
  - or no kind at all (label -1), which only the teacher explains: collages, blends, bare backgrounds, and
    patchworks: pieces of shop photos at any scale and angle, cut and blended into each other. There are only
    56 shop photos to train on; a teacher has something to say about every piece of them, so many different
    pieces (Asano and Saeed 2023; Beyer et al. 2022) teach more of what shops look like than the same views.
Everything follows from the seed, so the pool is regenerated, never stored.
"""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from data import cut_out, fruits_360, phone_photos

VIEW_PX = 192  # what is drawn: enlarged for the teacher, reduced to the student's size
GROUP = 4  # pictures per kind
PHONE_LABELS = 100  # labels of phone classes start here
NEW_LABELS = 1000  # labels of invented kinds start here
STUDIO, WORLD, SHOP = (
    0,
    1,
    2,
)  # a picture's scene: one fruit on white; fruit on other grounds; pieces of shop photos


# ------------------------------------------------------------------------------ colour and light


def random_colour(rng):
    colour = rng.random(3)
    if rng.random() < 0.3:  # as often greyish as colourful
        colour = 0.3 * colour + 0.7 * rng.random()
    return (colour * 255).astype(np.float32)


def fruit_colour(rng):
    """Fruit are rarely blue: hues from purple over red and yellow to green, now and then any colour."""
    if rng.random() < 0.2:
        return random_colour(rng)
    hue, saturation, value = rng.uniform(-0.15, 0.38) * 6, rng.beta(4, 2), rng.uniform(0.25, 1)
    ramp = np.clip(np.abs((hue + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return (255 * value * (1 - saturation * (1 - ramp))).astype(np.float32)


def hue_rotation(angle):
    """Rotation about the grey axis, for row vectors of RGB."""
    c, s = np.cos(angle), np.sin(angle)
    q, w = (1 - c) / 3, s / np.sqrt(3)
    return np.array([[c + q, q - w, q + w], [q + w, c + q, q - w], [q - w, q + w, c + q]], np.float32)


def smooth_noise(rng, cells, channels=1):
    """Noise between 0 and 255 that varies over `cells` cells of the picture."""
    grid = rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
    field = np.asarray(Image.fromarray(grid).resize((VIEW_PX, VIEW_PX), Image.BICUBIC), np.float32)
    return field[..., :channels]


def photograph(rng, image, strength=1.0):
    """The camera and the lamp: exposure, white balance, contrast, a light gradient, noise, blur, JPEG."""
    x = np.asarray(image, np.float32) / 255
    if rng.random() < 0.9:
        x = x ** np.float32(np.exp(rng.normal(0, 0.18 * strength)))
        x = x * np.exp(rng.normal(0, 0.12 * strength) + rng.normal(0, 0.05 * strength, 3)).astype(np.float32)
        if rng.random() < 0.3:
            x = x * (1 + rng.uniform(0, 0.5) * strength * gradient(rng) - 0.2 * strength).astype(np.float32)
        x = (x - 0.5) * np.float32(np.exp(rng.normal(0, 0.12 * strength))) + 0.5
        grey = x.mean(2, keepdims=True)
        x = grey + (x - grey) * np.float32(np.exp(rng.normal(0, 0.22 * strength)))
        if rng.random() < 0.15 * strength:
            x = x @ hue_rotation(rng.normal(0, 0.15))
    if rng.random() < 0.25:
        x = x + rng.standard_normal(x.shape, np.float32) * np.float32(rng.uniform(0.005, 0.05))
    image = Image.fromarray((np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8))
    if rng.random() < 0.2:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.8))))
    if rng.random() < 0.2:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(rng.integers(30, 92)))
        image = Image.open(buffer).convert("RGB")
    return image


YY, XX = np.mgrid[0:VIEW_PX, 0:VIEW_PX].astype(np.float32) / VIEW_PX


def gradient(rng):
    """0 to 1 across the picture, straight or round, [h, w, 1]."""
    if rng.random() < 0.6:
        angle = rng.uniform(0, 2 * np.pi)
        t = np.cos(angle) * XX + np.sin(angle) * YY
    else:
        t = np.hypot(XX - rng.random(), YY - rng.random())
    return ((t - t.min()) / np.ptp(t))[..., None]


# ------------------------------------------------------------------------------ drawn fruit


class DrawnFruit:
    """A kind of fruit as an ellipsoid, warped in outline and coloured by a texture fixed to its body.

    Each view turns the body freely: the pictures of one kind agree in shape, colours and pattern only.
    """

    def __init__(self, rng):
        self.aspect = float(np.exp(rng.normal(0, 0.3)))  # length along the stem against width
        self.taper, self.bend = rng.normal(0, 0.2), rng.normal(0, 0.35) * (rng.random() < 0.3)
        self.lobes, self.lobe_depth = int(rng.integers(3, 11)), rng.uniform(0, 0.12) * (rng.random() < 0.3)
        self.colours = [fruit_colour(rng) for _ in range(3)]
        self.blush = rng.normal(size=3) * rng.uniform(0, 2)  # direction in which the second colour grows
        self.pattern = rng.choice(
            ["plain", "stripes", "spots", "speckle", "net"], p=[0.3, 0.15, 0.2, 0.2, 0.15]
        )
        self.stripes = int(rng.integers(4, 20))
        self.spots = rng.normal(size=(int(rng.integers(8, 50)), 3))
        self.spots /= np.linalg.norm(self.spots, axis=1, keepdims=True)
        self.spot_size = rng.uniform(0.03, 0.25)
        self.waves = rng.normal(size=(3, 6)) * rng.uniform(2, 14)
        self.phases, self.threshold = rng.uniform(0, 6.3, 6), rng.normal(0, 0.6)
        self.strength, self.gloss, self.shine = rng.uniform(0.3, 1), rng.uniform(0, 0.8), rng.uniform(6, 60)
        self.roughness = rng.uniform(0, 0.5) * (rng.random() < 0.3)
        self.stem, self.stem_colour = rng.random() < 0.6, fruit_colour(rng) * 0.6
        self.leaf = rng.random() < 0.2
        self.cluster = int(rng.integers(6, 30)) if rng.random() < 0.18 else 0

    def texture(self, p):
        """Colour [n, 3] at points p [n, 3] of the unit sphere, y along the stem."""
        t = np.clip(p @ self.blush * 0.5 + 0.5, 0, 1)[:, None]
        colour = self.colours[0] * (1 - t) + self.colours[1] * t
        wave = np.sin(p @ self.waves + self.phases)
        if self.pattern == "stripes":
            mix = np.sin(np.arctan2(p[:, 2], p[:, 0]) * self.stripes + wave[:, 0]) > self.threshold
        elif self.pattern == "spots":
            mix = (p @ self.spots.T).max(1) > 1 - self.spot_size**2
        elif self.pattern == "speckle":
            mix = np.clip(wave.sum(1) - self.threshold, 0, 1)
        elif self.pattern == "net":
            mix = np.abs(wave[:, :3]).min(1) < 0.12
        else:
            return colour
        mix = self.strength * mix.astype(np.float32)[:, None]
        return colour * (1 - mix) + self.colours[2] * mix

    def body(self, rng, px):
        """One body, freely turned, as RGBA of px x px."""
        axis = np.linspace(-1.15, 1.15, px, dtype=np.float32)
        x, y = np.meshgrid(axis, axis)
        x = (x - self.bend * (y * y - 0.5)) * (1 + self.taper * y)
        if self.lobe_depth:
            x, y = (v * (1 + self.lobe_depth * np.cos(self.lobes * np.arctan2(y, x))) for v in (x, y))
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        if rng.random() < 0.6:  # most often it lies or stands before the camera
            a, b = rng.uniform(0, 6.3), rng.normal(0, 0.4)
            spin = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
            tilt = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
            turn = tilt @ spin
        # The ray (x, y, z) meets the ellipsoid |D R' (x, y, z)| = 1: a quadratic in z.
        radii = np.array([1, self.aspect, 1]) / max(1, self.aspect)
        m = turn @ np.diag(radii**-2) @ turn.T
        b = m[0, 2] * x + m[1, 2] * y
        c = m[0, 0] * x * x + 2 * m[0, 1] * x * y + m[1, 1] * y * y - 1
        inside = b * b - m[2, 2] * c
        hit = inside > 0
        z = (-b[hit] + np.sqrt(inside[hit])) / m[2, 2]
        point = np.stack([x[hit], y[hit], z], 1)
        normal = point @ m
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        on_body = (point @ turn) / radii
        if self.roughness:
            normal += self.roughness * np.sin(on_body @ self.waves * 2)[:, :3] * 0.3
        light = np.array([rng.normal(0, 0.6), rng.normal(-0.5, 0.5), 1])
        light /= np.linalg.norm(light)
        ambient = rng.uniform(0.25, 0.6)
        lit = np.clip(normal @ light, 0, 1)[:, None]
        highlight = np.clip(normal @ ((light + [0, 0, 1]) / np.linalg.norm(light + [0, 0, 1])), 0, 1)[:, None]
        colour = (
            self.texture(on_body) * (ambient + (1 - ambient) * lit) + 255 * self.gloss * highlight**self.shine
        )
        out = np.zeros((px, px, 4), np.float32)
        out[hit, :3], out[..., 3] = colour, np.clip(inside * px / 8, 0, 1) * 255
        image = Image.fromarray(np.clip(out, 0, 255).astype(np.uint8), "RGBA")
        pole = turn @ (np.array([0, -1, 0]) * radii)  # image y grows downwards
        if self.stem and pole[2] > -0.2:
            self.draw_stem(rng, image, pole, px)
        return image

    def draw_stem(self, rng, image, pole, px):
        start = (pole[:2] / 1.15 + 1) * px / 2
        end = start + px * 0.12 * (pole[:2] / (np.linalg.norm(pole[:2]) + 0.3) + rng.normal(0, 0.2, 2))
        draw = ImageDraw.Draw(image)
        colour = tuple(int(v) for v in self.stem_colour) + (255,)
        draw.line([tuple(start), tuple(end)], colour, max(2, px // 30))
        if self.leaf:
            w, h = px * 0.14, px * 0.05
            leaf = Image.new("RGBA", (int(2 * w), int(2 * w)))
            ImageDraw.Draw(leaf).ellipse([0, w - h, 2 * w, w + h], (60, 120, 40, 255))
            leaf = leaf.rotate(float(rng.uniform(0, 360)))
            image.alpha_composite(leaf, tuple(int(v) for v in np.clip(end - w, 0, px - 2 * w - 1)))

    def sprite(self, rng):
        if not self.cluster:
            return self.body(rng, 128)
        berries = [self.body(rng, 40) for _ in range(3)]
        image = Image.new("RGBA", (128, 128))
        for _ in range(self.cluster):
            spot = 44 + rng.normal(0, 16, 2)
            image.alpha_composite(berries[rng.integers(3)], tuple(int(v) for v in np.clip(spot, 0, 87)))
        return image


# ------------------------------------------------------------------------------ pictures


def white(rng):
    return Image.new("RGB", (VIEW_PX, VIEW_PX), (int(rng.integers(240, 256)),) * 3)


def place(rng, canvas, sprite, size, shift):
    """The sprite on the canvas, turned and mirrored at random, perhaps with a soft shadow."""
    side = int(VIEW_PX * size)
    sprite = sprite.resize((side, side), Image.BILINEAR)
    if rng.random() < 0.6:
        sprite = sprite.rotate(float(rng.uniform(0, 360)), Image.BILINEAR)
    if rng.random() < 0.5:
        sprite = sprite.transpose(Image.FLIP_LEFT_RIGHT)
    corner = (VIEW_PX - side) / 2 + rng.uniform(-shift, shift, 2) * VIEW_PX
    x, y = (int(v) for v in corner)
    mask = sprite.getchannel("A")
    if rng.random() < 0.4:
        shadow = mask.filter(ImageFilter.GaussianBlur(side / 30)).point(lambda v: int(v * 0.45))
        canvas.paste((20, 20, 20), (x + side // 20, y + side // 16), shadow)
    canvas.paste(sprite.convert("RGB"), (x, y), mask)
    return canvas


class Generator:
    """Draws groups of pictures. Seen photos only."""

    def __init__(self):
        fruits, phones = fruits_360(), phone_photos()
        self.cutouts, self.phones = {}, {}
        for pixels, label, unseen in zip(fruits.images(), fruits.labels, fruits.unseen):
            if not unseen:
                self.cutouts.setdefault(int(label), []).append(cut_out(pixels))
        for pixels, label, unseen in zip(phones.images(), phones.labels, phones.unseen):
            if not unseen:
                self.phones.setdefault(PHONE_LABELS + int(label), []).append(Image.fromarray(pixels))
        self.phone_list = [image for images in self.phones.values() for image in images]

    def crop(self, rng, image, least):
        """A random part of a photo, at least `least` of its area, a little stretched, turned and seen from
        the side, perhaps mirrored."""
        w, h = image.size
        area, stretch = np.exp(rng.uniform(np.log(least), 0)), np.exp(rng.uniform(-0.3, 0.3))
        cw, ch = min(w, w * np.sqrt(area * stretch)), min(h, h * np.sqrt(area / stretch))
        x, y = rng.uniform(0, w - cw), rng.uniform(0, h - ch)
        if rng.random() < 0.5:
            image = image.resize((VIEW_PX, VIEW_PX), Image.BILINEAR, (x, y, x + cw, y + ch))
        else:  # the part's corners, moved towards its middle by up to an eighth
            corners = np.array([[x, y], [x, y + ch], [x + cw, y + ch], [x + cw, y]])
            towards = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * [cw, ch]
            corners = corners + towards * rng.uniform(0, 0.125, (4, 2))
            factor = max(1, int(min(cw, ch) / VIEW_PX))  # transform() does not filter; reduce first
            if factor > 1:
                image, corners = image.reduce(factor), corners / factor
            image = image.transform((VIEW_PX, VIEW_PX), Image.QUAD, tuple(corners.ravel()), Image.BILINEAR)
        return image.transpose(Image.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else image

    def background(self, rng):
        kind = rng.choice(
            ["plain", "gradient", "clouds", "boards", "checks", "photo", "clutter"],
            p=[0.14, 0.18, 0.14, 0.12, 0.07, 0.25, 0.10],
        )
        if kind == "photo":
            return self.crop(rng, self.phone_list[rng.integers(len(self.phone_list))], 0.08)
        first, second = random_colour(rng), random_colour(rng)
        if kind == "plain":
            t = np.zeros((VIEW_PX, VIEW_PX, 1), np.float32)
        elif kind == "gradient":
            t = gradient(rng)
        elif kind == "clouds":
            t = smooth_noise(rng, int(rng.choice([3, 5, 9, 17, 40])), 1 if rng.random() < 0.5 else 3) / 255
        elif kind == "boards":
            waves = gradient(rng) * rng.uniform(10, 120) + smooth_noise(rng, 5) / 255 * rng.uniform(0, 12)
            t = np.sin(waves) * 0.5 + 0.5
        elif kind == "checks":
            a, b = gradient(rng), gradient(rng)
            n = rng.uniform(4, 24)
            t = ((a * n).astype(int) + (b * n).astype(int)) % 2
        else:  # shapes of all colours, out of focus
            image = Image.new("RGB", (VIEW_PX, VIEW_PX), tuple(int(v) for v in first))
            draw = ImageDraw.Draw(image)
            for _ in range(int(rng.integers(4, 30))):
                x, y, w, h = rng.integers(-30, VIEW_PX), rng.integers(-30, VIEW_PX), *rng.integers(5, 80, 2)
                shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
                shape([x, y, x + w, y + h], tuple(int(v) for v in random_colour(rng)))
            return image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 5))))
        x = first * (1 - t) + second * t
        if rng.random() < 0.5:
            x = x + rng.standard_normal((VIEW_PX, VIEW_PX, 3), np.float32) * np.float32(rng.uniform(2, 18))
        return Image.fromarray(np.clip(x, 0, 255).astype(np.uint8))

    def crate(self, rng, sprites):
        """A heap of one kind, as in a shop: rows that overlap, the nearer ones larger and in front."""
        canvas, size = self.background(rng), rng.uniform(0.16, 0.5)
        pitch, order, depth = size * rng.uniform(0.45, 0.85), rng.uniform(0, 0.5), rng.uniform(0, 0.5)
        scaled = {}  # turned once per picture, not once per copy
        for y in np.arange(-pitch if rng.random() < 0.7 else rng.uniform(0, 0.5), 1 + pitch / 2, pitch):
            side = int(VIEW_PX * size * (1 + depth * (y - 0.5)))
            for x in np.arange(-rng.uniform(0.5, 1) * pitch, 1, pitch * (1 + depth * (y - 0.5))):
                key = int(rng.integers(6)), side
                if key not in scaled:
                    sprite = sprites[key[0] % len(sprites)].resize((side, side), Image.BILINEAR)
                    sprite = sprite.rotate(float(rng.uniform(0, 360) * (order + 0.5)), Image.BILINEAR)
                    edge = sprite.getchannel("A")
                    scaled[key] = sprite.convert("RGB"), edge, edge.point(lambda v: int(v * 0.4))
                fruit, mask, shadow = scaled[key]
                left, top = (int((v + order * pitch * rng.normal(0, 0.5)) * VIEW_PX) for v in (x, y))
                canvas.paste((15, 12, 10), (left + side // 16, top + side // 12), shadow)
                canvas.paste(fruit, (left, top), mask)
        return photograph(rng, canvas)

    def view(self, rng, sprites):
        """One picture of a kind, and its scene: a fifth in a crate, a quarter as in a studio, the rest in the world."""
        if rng.random() < 0.2:
            return self.crate(rng, sprites), WORLD
        sprite, how = sprites[0], rng.random()
        if how < 0.33:
            return photograph(rng, place(rng, white(rng), sprite, rng.uniform(0.8, 1.05), 0.03), 0.4), STUDIO
        canvas = white(rng) if how < 0.4 else self.background(rng)
        canvas = place(rng, canvas, sprite, rng.uniform(0.5, 1.3), 0.12)
        if how > 0.9:  # several of the kind
            for _ in range(int(rng.integers(1, 5))):
                canvas = place(rng, canvas, sprite, rng.uniform(0.4, 0.8), 0.45)
        return photograph(rng, canvas), WORLD

    def recolouring(self, rng):
        """A fixed change of colour and proportions that makes another kind out of a photographed one."""
        turn = hue_rotation(rng.uniform(0.5, 5.8)) if rng.random() < 0.8 else np.eye(3, dtype=np.float32)
        gamma, stretch = np.exp(rng.normal(0, 0.4)), np.exp(rng.normal(0, 0.2))

        def apply(image):
            x = np.asarray(image, np.float32) / 255
            x[..., :3] = np.clip(x[..., :3] ** gamma @ turn, 0, 1)
            image = Image.fromarray((x * 255 + 0.5).astype(np.uint8), image.mode)
            w, h = image.size
            return image.resize(
                (max(8, int(w * min(1, stretch))), max(8, int(h * min(1, 1 / stretch)))), Image.BILINEAR
            )

        return apply

    def collage(self, rng):
        canvas = self.background(rng)
        for _ in range(int(rng.integers(0, 8))):
            sprites = list(self.cutouts.values())[rng.integers(len(self.cutouts))]
            sprite = (
                DrawnFruit(rng).sprite(rng) if rng.random() < 0.3 else sprites[rng.integers(len(sprites))]
            )
            canvas = place(rng, canvas, sprite, rng.uniform(0.3, 0.8), 0.45)
        if rng.random() < 0.25:
            canvas = Image.blend(canvas, self.background(rng), float(rng.uniform(0.2, 0.6)))
        return photograph(rng, canvas)

    def piece(self, rng):
        """Most often a piece of a shop photo, perhaps in other colours; now and then a fruit or a background."""
        how = rng.random()
        if how < 0.1:
            return self.background(rng)
        if how < 0.25:
            sprites = list(self.cutouts.values())[rng.integers(len(self.cutouts))]
            sprite = sprites[rng.integers(len(sprites))]
            return place(rng, self.background(rng), sprite, rng.uniform(0.5, 1.3), 0.2)
        image = self.crop(rng, self.phone_list[rng.integers(len(self.phone_list))], 0.05)
        return self.recolouring(rng)(image).resize((VIEW_PX, VIEW_PX)) if rng.random() < 0.4 else image

    def patchwork(self, rng):
        canvas = self.piece(rng)
        if rng.random() < 0.5:  # cut into each other (CutMix), or blended (mixup)
            for _ in range(int(rng.integers(1, 4))):
                w, h = (rng.uniform(0.25, 0.8, 2) * VIEW_PX).astype(int)
                x, y = (int(v) for v in rng.uniform(-0.1, 0.8, 2) * VIEW_PX)
                canvas.paste(self.piece(rng).resize((w, h), Image.BILINEAR), (x, y))
        elif rng.random() < 0.3:
            canvas = Image.blend(canvas, self.piece(rng), float(rng.uniform(0.15, 0.5)))
        return photograph(rng, canvas, 1.3)

    def group(self, rng, new_label):
        """-> (GROUP pairs of a picture and its scene, the label of all)"""
        kind = rng.choice(
            ["photographed", "invented", "drawn", "phone", "new phone", "collage", "patchwork"],
            p=[0.22, 0.13, 0.13, 0.06, 0.08, 0.08, 0.30],
        )
        if kind in ("photographed", "invented"):
            label = list(self.cutouts)[rng.integers(len(self.cutouts))]
            sprites = self.cutouts[label]
            change = self.recolouring(rng) if kind == "invented" else lambda image: image
            pictures = [
                self.view(rng, [change(sprites[i]) for i in rng.integers(len(sprites), size=3)])
                for _ in range(GROUP)
            ]
            return pictures, label if kind == "photographed" else new_label
        if kind == "drawn":
            fruit = DrawnFruit(rng)
            return [self.view(rng, [fruit.sprite(rng) for _ in range(3)]) for _ in range(GROUP)], new_label
        if kind in ("collage", "patchwork"):
            draw = self.collage if kind == "collage" else self.patchwork
            return [(draw(rng), WORLD if kind == "collage" else SHOP) for _ in range(GROUP)], -1
        label = list(self.phones)[rng.integers(len(self.phones))]
        change = self.recolouring(rng) if kind == "new phone" else lambda image: image
        images = [self.phones[label][i] for i in rng.permutation(len(self.phones[label]))]
        pictures = [
            (photograph(rng, self.crop(rng, change(images[i % len(images)]), 0.12)), SHOP)
            for i in range(GROUP)
        ]
        return pictures, label if kind == "phone" else new_label


def generate(generator, seed, n_images):
    """One shard: uint8 pixels [n, VIEW_PX, VIEW_PX, 3], labels [n] and scenes [n], the same for the same seed."""
    rng = np.random.default_rng([22, seed])
    pixels = np.empty((n_images, VIEW_PX, VIEW_PX, 3), np.uint8)
    labels, scenes = np.empty(n_images, np.int64), np.empty(n_images, np.uint8)
    for start in range(0, n_images, GROUP):
        pictures, label = generator.group(rng, NEW_LABELS + seed * n_images + start)
        for i, (picture, scene) in enumerate(pictures[: n_images - start]):
            pixels[start + i], labels[start + i], scenes[start + i] = np.asarray(picture), label, scene
    return pixels, labels, scenes
