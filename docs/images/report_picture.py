"""Make docs/images/report.png, the picture of a report in the README: its top, and beside it its estimates.

    make demo
    .venv/bin/python docs/images/report_picture.py report.html docs/images/report.png

Needs chromium (or google-chrome) on the path; Pillow comes with matplotlib.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

#: Width of the page, and of each of the two views of it in the picture; height of the picture.
PAGE, VIEW, HEIGHT = 1180, 780, 1010


def views(report: Path) -> str:
    """A page with two windows on the report."""
    scale = VIEW / PAGE
    frame = (
        f'<div style="width:{VIEW}px;height:{HEIGHT}px;overflow:hidden;border-radius:6px;border:1px solid #c9d0d6">'
        f'<iframe scrolling="no" style="border:0;width:{PAGE}px;height:{HEIGHT / scale:.0f}px;'
        f'transform:scale({scale});transform-origin:0 0" src="{report.resolve().as_uri()}#{{}}"></iframe></div>'
    )
    both = frame.format("top") + frame.format("estimates")
    return (
        '<!doctype html><meta charset="utf-8"><body style="margin:0;padding:12px;background:#fff">'
        f'<div style="display:flex;gap:16px">{both}</div>'
    )


def main(report: str, target: str) -> None:
    """Photograph the report and store it with few colours, which is small and, for a page, without visible loss."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        sys.exit("chromium is not on the path")
    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder, "views.html"), Path(folder, "shot.png")
        page.write_text(views(Path(report)), encoding="utf-8")
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
            f"--user-data-dir={folder}/profile", f"--window-size={2 * VIEW + 44},{HEIGHT + 26}",
            f"--screenshot={shot}", page.as_uri(),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        with Image.open(shot) as picture:
            small = picture.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            small.save(target, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
