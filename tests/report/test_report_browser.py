"""The page in a real browser, at desktop and phone width."""

import html
import json
import re
import shutil
import subprocess

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium, chromium-browser or google-chrome found")

#: Put into the test's own copy of the page only: the report itself may not run anything.
PROBE = """<script>
const wide = [], cut = [], limit = document.documentElement.clientWidth + 0.5;
for (const e of document.body.querySelectorAll("*")) {
  if (e.closest(".scroll") && !e.classList.contains("scroll") || e.closest("defs, clipPath, title, desc")) continue;
  const box = e.getBoundingClientRect();
  if (!box.width || (box.right <= limit && box.left >= -0.5)) continue;
  (e.closest("svg") ? cut : wide).push(e.outerHTML.slice(0, 90));
}
parent.document.body.dataset.found = JSON.stringify({
  inner: innerWidth, scroll: document.documentElement.scrollWidth, wide, cut,
  dark: matchMedia("(prefers-color-scheme: dark)").matches,
  drawn: [...document.querySelectorAll("svg")].filter(e => e.getBoundingClientRect().height > 50).length,
});
</script>"""


def dump(path, width, folder):
    """The document after loading, as the browser writes it back."""
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={folder / 'profile'}", f"--window-size={width},2000", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    return subprocess.run(command, check=True, capture_output=True, timeout=120).stdout.decode("utf-8")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["page", "nasty_page"])
def test_nothing_overflows(request, tmp_path, name, width):
    text = request.getfixturevalue(name)
    copy = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text).replace("</body>", PROBE + "</body>")
    assert PROBE in copy
    # In a frame, because a headless window is never narrower than 500.
    frame = f'<iframe width="{width}" height="900" style="border:0" srcdoc="{html.escape(copy)}"></iframe>'
    path = tmp_path / "page.html"
    path.write_text(f'<!doctype html><meta charset="utf-8"><body>{frame}</body>', encoding="utf-8")
    found = re.search(r'data-found="([^"]*)"', dump(path, 1400, tmp_path))
    assert found is not None
    measured = json.loads(html.unescape(found[1]))
    assert measured["inner"] == width
    assert measured["wide"] == []
    assert measured["cut"] == []
    assert measured["scroll"] <= width
    assert measured["drawn"] >= 4


def test_no_script_runs_in_the_report_even_with_hostile_names(nasty_page, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(nasty_page.replace("alert(1)", "document.title=1"), encoding="utf-8")
    dom = dump(path, 1280, tmp_path)
    assert "<script" not in dom
    assert re.search(r"<title>(.*?)</title>", dom)[1] == html.escape("</title></style></svg>", quote=False)


def test_the_policy_in_the_page_stops_a_script_that_got_in(page, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", "<script>document.title = 'ran'</script></body>"), encoding="utf-8")
    assert "<title>ran</title>" not in dump(path, 1280, tmp_path)
