"""A page of the scorecard in a real browser, opened as a file: what tests of its pages ask of each."""

import re

from axe_playwright_python.sync_playwright import Axe

BANNER = "SỐ LIỆU MINH HỌA"
A4_WIDTH = 1031  # points of CSS between the margins of A4 across: 297 - 24 mm


class Tab:
    """A page of a browser that notes every error and every request."""

    def __init__(self, browser, site, **options):
        self.site, self.page = site, browser.new_page(viewport={"width": 1280, "height": 900}, **options)
        self.page.set_default_timeout(5000)
        self.errors, self.requests = [], []
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def open(self, name):
        self.page.goto(f"{self.site.as_uri()}/{name}")
        return self.page

    def width(self):
        return self.page.evaluate("document.documentElement.scrollWidth")

    def rows(self, table):
        return self.page.locator(f"{table} > tbody > tr:not(.theme):visible").all()

    def texts(self, what):
        return self.page.locator(what).all_inner_texts()

    def fits_and_is_accessible(self, name):
        """On a phone and on a screen nothing is wider than it, and axe finds nothing serious."""
        for width in (360, 1280):
            self.page.set_viewport_size({"width": width, "height": 900})
            page = self.open(name)
            if (button := page.locator("button.open")).count():
                button.first.click()
                page.locator(".chart, .opened .none").first.wait_for()  # its numbers lie in a file that loads first
            assert self.width() == width
            found = Axe().run(page).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found
                    if one["impact"] in ("serious", "critical")] == []  # fmt: skip

    def prints_whole(self, name):
        """On A4 across, with no table cut."""
        self.page.set_viewport_size({"width": A4_WIDTH, "height": 700})
        page = self.open(name)
        page.emulate_media(media="print")
        wide = page.evaluate(
            "[...document.querySelectorAll('table, .chart, svg, h1, p')].filter(e => e.getBoundingClientRect().right > "
            f"{A4_WIDTH} + 1).map(e => e.outerHTML.slice(0, 90))"
        )
        assert wide == []
        printed = page.pdf(prefer_css_page_size=True, print_background=True)
        [box] = set(re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed))
        assert [round(float(side)) for side in box] == [842, 595]


def contents(site):
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}
