"""Reference pictures of first screens: small, compared with a tolerance, and only where letters look the same.

A picture is kept at a quarter of its size with the names of the fonts it was drawn in and the browser's version;
where those differ a comparison says nothing of the page, and none is made.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from chromium import Tab, View
from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngInfo

KEPT = Path(__file__).with_name("pictures")
SHRINK = 4
NOTICED = 12  # of 255: a smaller difference of a shrunk pixel is not seen
TOLERANCE = 0.01  # share of pixels that may differ by more


@dataclass(frozen=True)
class Picture:
    """A first screen, shrunk, and what it was drawn with."""

    image: Image.Image
    drawn_with: str

    def write(self, path: Path) -> None:
        about = PngInfo()
        about.add_text("drawn with", self.drawn_with)
        path.parent.mkdir(exist_ok=True)
        self.image.quantize(128).save(path, optimize=True, pnginfo=about)

    @classmethod
    def read(cls, path: Path) -> Picture:
        with Image.open(path) as kept:
            return cls(kept.convert("RGB"), str(kept.info.get("drawn with", "")))

    def differs(self, other: Picture) -> float:
        """The share of pixels that are seen to differ; 1 when the sizes do."""
        if self.image.size != other.image.size:
            return 1.0
        grey = ImageChops.difference(self.image, other.image).convert("L")
        seen = sum(grey.histogram()[NOTICED:])
        return seen / (grey.width * grey.height)


def first_screen(tab: Tab, page: Path, view: View) -> Picture:
    """What a reader sees when the page opens."""
    tab.look(view)
    tab.open(page)
    tab.evaluate("document.fonts.ready.then(() => 0)")
    screen = Image.open(io.BytesIO(tab.screenshot())).convert("RGB").reduce(SHRINK)
    browser = tab.browser.call("Browser.getVersion")["product"].split(".")[0]
    return Picture(screen, ", ".join([browser, *tab.fonts()]))
