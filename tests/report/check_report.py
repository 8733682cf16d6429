# SPDX-License-Identifier: Apache-2.0
"""Opens reports in headless Chromium and uses them as a reader would.

    check_report.py MAKE_REPORT      (the program built from make_report.c)
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

from browser import Browser, find_browser

make_report = None
folder = None

HOSTILE_BYTES_SHOWN = ["⟨U+000A⟩", "⟨U+000D⟩", "⟨U+0009⟩", "⟨U+202E⟩", "\\xff"]


def report_file(name, *arguments):
    path = folder / (name + ".html")
    if not path.exists():
        result = subprocess.run([make_report, path, *map(str, arguments)])
        if result.returncode == 77:
            print("skipped: this build has no HTML report (PicoGL.js was not found)")
            sys.exit(77)
        result.check_returncode()
    return path


# How many pixels of the map's points are drawn at all, and of how many colours.
DRAWN = """(() => {
    const gl = byId("points").getContext("webgl2");
    const [w, h] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
    const pixels = new Uint8Array(4 * w * h);
    gl.readPixels(0, 0, w, h, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    let [n, strong] = [0, 0];
    const colours = new Set();
    for (let i = 0; i < pixels.length; i += 4) {
        if (pixels[i + 3] > 8) n++;
        if (pixels[i + 3] > 200) { strong++; colours.add(pixels[i] >> 4 << 8 | pixels[i + 1] >> 4 << 4 | pixels[i + 2] >> 4); }
    }
    return {n, strong, colours: colours.size};
})()"""


# How many pixels of the marks' canvas a condition on (r, g, b, a) holds for; counted on a copy, which may be read often.
MARKS_WHERE = """(condition => {
    const from = byId("marks");
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [from.width, from.height];
    const context = copy.getContext("2d", {willReadFrequently: true});
    context.drawImage(from, 0, 0);
    const pixels = context.getImageData(0, 0, copy.width, copy.height).data;
    let n = 0;
    for (let i = 0; i < pixels.length; i += 4) if (condition(...pixels.subarray(i, i + 4))) n++;
    return n;
})"""


class ReportTest(unittest.TestCase):
    def use(self, page, path):
        """Opens the report; whatever the test does, at the end nothing was complained about and nothing else was loaded."""
        self.page = page
        page.open(path)

    def finish(self):
        self.page.settle()
        self.assertEqual(self.page.complaints(), [])
        strangers = [url for url in self.page.requests() if not url.startswith(("file:", "data:", "blob:"))]
        self.assertEqual(strangers, [])
        self.assertEqual(len([url for url in self.page.requests() if url.startswith("file:")]), 1)

    def text(self, selector):
        return self.page.evaluate(f"document.querySelector({selector!r}).textContent")

    def place_on_screen(self, point):
        return self.page.evaluate(
            f"(() => {{ const box = byId('points').getBoundingClientRect(); const [x, y] = map.place({point});"
            "return [box.left + x, box.top + y]; })()")

    def alone_on_map(self):
        """A photo that the pointer can only mean alone: its place picks itself."""
        return self.page.evaluate("""(() => { for (let i = 0; i < points.n; i++) { const [x, y] = map.place(i);
            if (x > 20 && y > 20 && map.pick(x, y) === i) return i; } return -1; })()""")

    def test_counts_figures_and_times(self):
        with Browser() as page:
            self.use(page, report_file("plain", 600, 12, 8))
            self.assertIn("made-up photos", page.evaluate("document.title"))
            figures = self.text("#figures")
            for expected in ("600", "listed", "written", "51.3", "143 MiB"):
                self.assertIn(expected, figures)
            self.assertIn("600 photos · 12 labels · 8 components · orchard", self.text("#subtitle"))
            self.assertEqual(page.evaluate("document.querySelectorAll('#time-bars tbody tr').length"), 9)
            self.assertIn("None", self.text("#failures-note"))
            self.assertIn("80\u00a0% with", self.text("#variance-note"))
            self.assertEqual(page.evaluate("document.querySelectorAll('#scree svg, #cumulative svg').length"), 2)
            self.assertIn("588 of them carry a thumbnail", self.text("#map-note"))
            self.finish()

    def test_points_are_drawn_and_isolated(self):
        with Browser() as page:
            self.use(page, report_file("plain", 600, 12, 8))
            everything = page.evaluate(DRAWN)
            self.assertGreater(everything["strong"], 3000)
            self.assertGreaterEqual(everything["colours"], 12)
            page.evaluate("document.querySelector('#legend-list button').click()")
            page.settle()
            one = page.evaluate(DRAWN)
            self.assertLess(one["strong"], everything["strong"] / 5)
            self.assertGreater(one["strong"], 50)
            self.assertIn("1 shown", self.text("#legend-status"))
            second = "document.querySelectorAll('#legend-list button')[5]"
            page.evaluate(f"{second}.dispatchEvent(new MouseEvent('click', {{bubbles: true, shiftKey: true}}))")
            page.settle()
            self.assertGreater(page.evaluate(DRAWN)["strong"], one["strong"] * 1.3)
            self.assertEqual(page.evaluate("[...map.isolated]"), [0, 5])
            page.evaluate("byId('legend-clear').click()")
            page.settle()
            self.assertEqual(page.evaluate(DRAWN), everything)
            self.finish()

    def test_pointing_at_a_label_highlights_it(self):
        with Browser() as page:
            self.use(page, report_file("plain", 600, 12, 8))
            everything = page.evaluate(DRAWN)["strong"]
            x, y = page.evaluate("(() => { const b = document.querySelector('#legend-list button').getBoundingClientRect();"
                                 "return [b.left + 20, b.top + 8]; })()")
            page.mouse("mouseMoved", x, y)
            page.settle()
            self.assertLess(page.evaluate(DRAWN)["strong"], everything / 3)
            page.mouse("mouseMoved", 5, 5)
            page.settle()
            self.assertEqual(page.evaluate(DRAWN)["strong"], everything)
            self.finish()

    def test_search_narrows_the_labels(self):
        with Browser() as page:
            self.use(page, report_file("many", 4000, 200, 10))
            self.assertEqual(page.evaluate("document.querySelectorAll('#legend-list button').length"), 200)
            page.evaluate("byId('legend-search').focus()")
            page.call("Input.insertText", text="sort 17")
            page.settle()
            self.assertEqual(page.evaluate("document.querySelectorAll('#legend-list button').length"), 10)
            self.assertIn("10 of 200 labels found", self.text("#legend-status"))
            page.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13)
            page.settle()
            self.assertEqual(page.evaluate("map.isolated.size"), 10)
            self.finish()

    def test_hover_shows_the_photo_and_a_click_its_neighbours(self):
        with Browser() as page:
            self.use(page, report_file("plain", 600, 12, 8))
            page.evaluate("byId('stage').scrollIntoView({block: 'center', behavior: 'instant'})")
            page.settle()
            photo = self.alone_on_map()
            self.assertGreaterEqual(photo, 0)
            x, y = self.place_on_screen(photo)
            page.mouse("mouseMoved", x, y)
            page.settle()
            self.assertIn(f"{photo:06}.jpg", self.text("#tip"))
            page.wait_for("document.querySelector('#tip canvas').dataset.drawn === 'yes'")
            beside = page.evaluate("document.querySelector('#tip canvas').getBoundingClientRect().right <= "
                                   "document.querySelector('#tip div').getBoundingClientRect().left")
            self.assertTrue(beside, "the thumbnail covers the photo's name")
            page.click(x, y)
            self.assertEqual(page.evaluate("map.selected"), photo)
            self.assertIn(f"{photo:06}.jpg", self.text(".chosen"))
            self.assertIn("12 nearest neighbours by Euclidean distance over the first 8 components", self.text(".chosen"))
            self.assertEqual(page.evaluate("document.querySelectorAll('.card').length"), 12)
            twin = photo ^ 1
            self.assertIn(f"{twin:06}.jpg", self.text(".card"))
            page.wait_for("[...document.querySelectorAll('.card canvas.thumbnail:not(.thumbnail-missing)')].every(c => c.dataset.drawn)")
            page.evaluate("document.querySelector('.card').click()")
            page.settle()
            self.assertEqual(page.evaluate("map.selected"), twin)
            self.finish()

    def test_photos_on_the_map(self):
        with Browser() as page:
            self.use(page, report_file("plain", 600, 12, 8))
            white = f"{MARKS_WHERE}((r, g, b, a) => r + g + b > 740 && a > 250)"
            before = page.evaluate(white)
            page.evaluate("byId('names').click(); byId('photos').click()")
            page.settle()
            page.wait_for(f"{white} > {before} + 5000")  # the thumbnails' white ground
            self.finish()

    def test_print_shows_the_points_in_light_colours(self):
        with Browser(dark=True) as page:
            self.use(page, report_file("plain", 600, 12, 8))
            page.evaluate("dispatchEvent(new Event('beforeprint'))")
            opaque = f"{MARKS_WHERE}((r, g, b, a) => a > 200)"
            self.assertGreater(page.evaluate(opaque), page.evaluate(DRAWN)["strong"])
            self.assertFalse(page.evaluate("isDark()"))
            page.evaluate("dispatchEvent(new Event('afterprint'))")
            page.settle()
            self.assertTrue(page.evaluate("isDark()"))
            self.finish()

    def test_neighbours_are_the_nearest(self):
        with Browser() as page:
            self.use(page, report_file("plain", 600, 12, 8))
            wrong = page.evaluate("""(() => { let wrong = 0; for (let i = 0; i < points.n; i += 7) {
                const all = []; for (let j = 0; j < points.n; j++) if (j !== i)
                    all.push([Math.sqrt(points.columns.reduce((s, c) => s + ((c.stored[j] - c.stored[i]) * c.scale) ** 2, 0)), j]);
                all.sort((a, b) => a[0] - b[0]);
                nearestNeighbours(i).forEach((n, rank) => { if (Math.abs(n.distance - all[rank][0]) > 1e-9) wrong++; });
                if (nearestNeighbours(i)[0].point !== (i ^ 1)) wrong++; } return wrong; })()""")
            self.assertEqual(wrong, 0)
            self.finish()

    def test_three_dimensions_axes_and_keys(self):
        with Browser() as page:
            self.use(page, report_file("plain", 600, 12, 8))
            flat = page.evaluate("map.place(0)")
            page.evaluate("byId('mode-3').click()")
            page.settle()
            self.assertGreater(page.evaluate(DRAWN)["strong"], 1000)
            self.assertNotEqual(page.evaluate("map.place(0)"), flat)
            solid = page.evaluate("map.place(0)")
            page.evaluate("byId('points').focus()")
            page.key("ArrowLeft")
            self.assertNotEqual(page.evaluate("map.place(0)"), solid)
            page.key("0")
            self.assertEqual(page.evaluate("map.place(0)"), solid)
            page.evaluate("byId('mode-2').click(); byId('axis-0').value = '4'; byId('axis-0').dispatchEvent(new Event('change'))")
            page.settle()
            self.assertNotEqual(page.evaluate("map.place(0)"), flat)
            page.evaluate("byId('points').focus()")
            page.key("n")
            page.key("n")
            self.assertEqual(page.evaluate("map.selected"), 1)
            before = page.evaluate("map.place(0)[0] - map.place(599)[0]")
            page.key("+")
            self.assertAlmostEqual(page.evaluate("map.place(0)[0] - map.place(599)[0]") / before, 1.3, places=3)
            self.finish()

    def test_every_point_is_drawn_where_it_is_picked(self):
        """The matrix that draws and the one that finds the photo under the pointer are the same, in 2D and in 3D."""
        with Browser() as page:
            self.use(page, report_file("few", 3, 3, 3))
            for mode in ("mode-2", "mode-3"):
                page.evaluate(f"byId('{mode}').click(); byId('names').checked = false")
                page.settle()
                for point in range(3):
                    alpha = page.evaluate(f"""(() => {{ const gl = byId('points').getContext('webgl2'); const [x, y] = map.place({point});
                        const k = gl.drawingBufferWidth / byId('stage').clientWidth; const pixel = new Uint8Array(4);
                        gl.readPixels(Math.floor(x * k), Math.floor(gl.drawingBufferHeight - y * k), 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
                        return pixel[3]; }})()""")
                    self.assertGreater(alpha, 100, f"point {point} in {mode}")
            self.finish()

    def test_hostile_names_are_only_text(self):
        with Browser() as page:
            self.use(page, report_file("hostile", 160, 16, 6, "hostile"))
            page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true; map.select(0)")
            page.settle()
            for i in range(8):
                page.evaluate(f"map.select({i})")
            self.assertIsNone(page.evaluate("window.owned ?? null"))
            self.assertEqual(page.evaluate("document.querySelectorAll('img, iframe, object, embed').length"), 0)
            self.assertEqual(page.evaluate("document.title"), "</script><script>window.owned = 1</script> · Pomona")
            shown = page.evaluate("document.body.innerText")
            for expected in HOSTILE_BYTES_SHOWN:
                self.assertIn(expected, shown)
            self.assertNotIn("\u202e", page.evaluate("document.body.textContent.replace(byId('report').textContent, '')"))
            self.finish()

    def test_failures_are_grouped_and_searchable(self):
        with Browser() as page:
            self.use(page, report_file("hostile", 160, 16, 6, "hostile"))
            self.assertIn("300 photos failed, for 2 reasons", self.text("#failures-note"))
            groups = page.evaluate("[...document.querySelectorAll('#failures-groups summary')].map(s => s.textContent)")
            self.assertEqual(groups, ["truncated 200", "not an image 100"])
            self.assertEqual(page.evaluate("document.querySelectorAll('#failures-groups tbody tr').length"), 0)
            page.evaluate("document.querySelector('#failures-groups summary').click()")
            page.wait_for("document.querySelectorAll('#failures-groups tbody tr').length === 50")
            page.evaluate("document.querySelector('#failures-groups .plain').click()")
            self.assertEqual(page.evaluate("document.querySelectorAll('#failures-groups tbody tr').length"), 200)
            page.evaluate("byId('failures-search').focus()")
            page.call("Input.insertText", text="/299")
            page.settle()
            self.assertIn("1 of 300 failures found", self.text("#failures-note"))
            self.finish()

    def test_empty_reports(self):
        for name, arguments, expected in (("nothing", (0, 0, 0), "No photo was written"),
                                          ("no-pca", (20, 4, 0), "made no PCA")):
            with Browser() as page:
                self.use(page, report_file(name, *arguments))
                self.assertIn(expected, self.text("#map-note"))
                self.assertIn("no PCA", self.text("#variance-note"))
                self.finish()
        for name, arguments in (("one", (1, 1, 1)), ("one-component", (30, 0, 1)), ("two-components", (30, 2, 2))):
            with Browser() as page:
                self.use(page, report_file(name, *arguments))
                self.assertGreater(page.evaluate(DRAWN)["strong"], 10, name)
                self.assertTrue(page.evaluate("byId('mode-3').disabled"))
                page.evaluate("map.select(0)")
                self.finish()

    def test_dark_phone_and_theme_button(self):
        with Browser(390, 844, dark=True, phone=True) as page:
            self.use(page, report_file("plain", 600, 12, 8))
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 390)
            self.assertTrue(page.evaluate("isDark()"))
            self.assertGreater(page.evaluate(DRAWN)["strong"], 1000)
            page.evaluate("byId('theme').click()")
            self.assertFalse(page.evaluate("isDark()"))
            page.evaluate("byId('stage').scrollIntoView({block: 'center', behavior: 'instant'})")
            page.settle()
            photo = self.alone_on_map()
            x, y = self.place_on_screen(photo)
            page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
            page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
            page.settle()
            self.assertEqual(page.evaluate("map.selected"), photo)
            self.assertFalse(page.evaluate("byId('tip').hidden"), "the name goes away with the finger")
            self.assertIn(f"{photo:06}.jpg", self.text("#tip"))
            self.finish()

    def test_a_hundred_thousand_points(self):
        with Browser() as page:
            self.use(page, report_file("large", 100000, 131, 32))
            self.assertGreater(page.evaluate(DRAWN)["n"], 20000)
            self.assertIn("100,000 photos", self.text("#map-note"))
            self.assertIn("carry a thumbnail, spread evenly over the labels", self.text("#map-note"))
            self.assertIn("first 16 of 32 components", self.text("#map-note"))
            # While it is dragged the map may draw fewer points; when it rests, all of them.
            before = page.evaluate(DRAWN)
            page.evaluate("byId('stage').scrollIntoView({block: 'center', behavior: 'instant'})")
            page.mouse("mousePressed", 500, 400, button="left", clickCount=1)
            for x in [*range(500, 560, 10), *range(560, 490, -10)]:
                page.mouse("mouseMoved", x, 400, button="left", buttons=1)
            page.mouse("mouseReleased", 500, 400, button="left", clickCount=1)
            page.wait_for("byId('points').dataset.drawn === '100000'")
            page.settle()
            self.assertEqual(page.evaluate(DRAWN), before)
            page.evaluate("byId('mode-3').click(); map.select(77776)")
            page.settle()
            self.assertIn("077777.jpg", self.text(".card"))
            for _ in range(5):
                page.evaluate("byId('points').focus()")
                page.key("ArrowLeft")
            self.finish()


if __name__ == "__main__":
    make_report = sys.argv.pop(1)
    if find_browser() is None:
        print("skipped: no Chromium on this machine (tools/setup.sh --tests installs it)")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="pomona-report-") as made:
        folder = pathlib.Path(made)
        report_file("plain", 600, 12, 8)
        unittest.main(verbosity=2)
