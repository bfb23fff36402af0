"""The drawing board: figures without global state, one palette, text that is never read as mathematics.

Sizes are in CSS pixels at natural size: a figure 400 wide is 400 px wide in the page, and a text of size 12 is 12 px.
"""

import functools
import io
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.style import context as style_context
from matplotlib.ticker import FuncFormatter, MaxNLocator

__all__ = [
    "PALETTE", "SERIES", "axes_at", "clean", "figure_of", "inline_svg", "plain_number", "shorten", "text_width",
    "ticks", "under_defaults", "write",
]  # fmt: skip

#: Colours by meaning. The page exchanges each for a CSS variable of the same name, so that dark mode and print work.
#: The series are those of Okabe & Ito, told apart by every common kind of colour blindness.
PALETTE: Mapping[str, str] = {
    "paper": "#ffffff",
    "ink": "#1b2733",
    "muted": "#5d6975",
    "line": "#d6dce2",
    "treated": "#c4500b",
    "control": "#0068a5",
    "ok": "#0b6b8a",
    "look": "#996300",
    "stop": "#b3261e",
    "green": "#00805c",
    "purple": "#a0508a",
    "sky": "#3a93cc",
}
SERIES = ("control", "treated", "green", "purple", "sky", "look")
_UNITS_PER_INCH = 72  # of an SVG written by matplotlib
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"


def under_defaults(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Make a drawing function look the same whatever matplotlib settings the caller has."""

    @functools.wraps(draw)
    def drawn(*args: Any, **options: Any) -> Figure:
        with style_context("default"):
            return draw(*args, **options)

    return drawn


def figure_of(width: float, height: float) -> Figure:
    """An empty figure of so many pixels."""
    return Figure(figsize=(width / _UNITS_PER_INCH, height / _UNITS_PER_INCH), dpi=110)


def axes_at(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Bare axes at a place counted from the upper left corner: a hairline below, light upright lines, no ticks."""
    whole_width, whole_height = figure.get_size_inches() * _UNITS_PER_INCH
    box = (left / whole_width, 1 - (top + height) / whole_height, width / whole_width, height / whole_height)
    axes = figure.add_axes(box, facecolor="none")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color=PALETTE["line"], linewidth=1)
    axes.tick_params(length=0, labelsize=12, labelcolor=PALETTE["muted"], pad=5)
    axes.tick_params(axis="y", labelleft=False)
    axes.set_axisbelow(True)
    axes.grid(axis="x", color=PALETTE["line"], linewidth=0.8)
    return axes


def write(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    *,
    coords: str | tuple[str, str] = "data",
    shift: tuple[float, float] = (0, 0),
    size: float = 12,
    color: str = "ink",
    **options: Any,
) -> None:
    """Text that is taken as it is: a dollar sign stays a dollar sign, markup stays text.

    Parameters
    ----------
    x, y : float
        A place in ``coords``, as in ``Axes.annotate``.
    shift : (right, up)
        Pixels to move it by.
    **options
        Of the text: ``ha``, ``va``, ``weight``, ...
    """
    axes.annotate(
        clean(text), (x, y), xycoords=coords, xytext=shift, textcoords="offset points", annotation_clip=False,
        fontsize=size, color=PALETTE[color], parse_math=False, usetex=False, **options,
    )  # fmt: skip


def clean(text: object) -> str:
    """The text without what neither XML nor a page can hold: control characters, halves of surrogate pairs."""
    kept = (ch if ch in "\n\t" or unicodedata.category(ch) not in ("Cc", "Cs") else "�" for ch in str(text))
    return "".join(kept)


def shorten(text: object, most: int = 30) -> str:
    """One line of at most ``most`` characters, cut in the middle, where names of columns differ least.

    >>> shorten("household_income_before_taxes_1974", 20)
    'household_…axes_1974'
    """
    line = " ".join(clean(text).split())
    if len(line) <= most:
        return line
    head = most // 2
    return f"{line[:head]}…{line[len(line) + 1 + head - most :]}"


def text_width(text: str, size: float = 12) -> float:
    """Pixels a text needs, on the safe side; wide East Asian characters count as a full square."""
    return sum(size * (1.05 if unicodedata.east_asian_width(ch) in "WF" else 0.6) for ch in text)


def plain_number(value: float, _position: object = None) -> str:
    """Label of an axis tick, without mathematics in it.

    >>> plain_number(-8000.0), plain_number(0.25)
    ('−8000', '0.25')
    """
    return f"{value:.6g}".replace("-", "−")


def ticks(axes: Axes, most: int, words: str) -> None:
    """A few round numbers on the lower axis, and what they are in words."""
    axes.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(plain_number))
    write(axes, 0.5, 0, words, coords="axes fraction", shift=(0, -25), size=12, color="muted", ha="center", va="top")


def inline_svg(figure: Figure, *, key: str, title: str, description: str) -> str:
    """A figure as an ``<svg>`` element to be put into a page.

    Text stays text, colours become CSS variables, and ids carry ``key`` so that several pictures share a page.

    Parameters
    ----------
    figure : Figure
    key : str
        Letters and digits, unique in the page.
    title, description : str
        Read out in place of the picture.
    """
    figure.patch.set_visible(False)
    buffer = io.BytesIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with style_context(["default", {"svg.fonttype": "none", "svg.hashsalt": key}]):
        figure.savefig(buffer, format="svg", metadata=nothing)
    root = ElementTree.fromstring(buffer.getvalue())
    _drop_clutter(root)
    _rename_ids(root, key)
    for element in root.iter():
        style = element.get("style")
        if style:
            element.set("style", _themed(style))
        for name in ("d", "x", "y", "transform"):
            if name in element.attrib:
                element.set(name, _compact(element.attrib[name]))
    _, _, width, height = (float(part) for part in root.get("viewBox", "").split())
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("style", f"max-width:{width:g}px;aspect-ratio:{width:g}/{height:g}")
    root.set("role", "img")
    root.set("aria-labelledby", f"{key}-title {key}-text")
    for position, (tag, name, text) in enumerate((("title", "title", title), ("desc", "text", description))):
        label = ElementTree.Element(f"{{{_SVG}}}{tag}", {"id": f"{key}-{name}"})
        label.text = clean(text)
        root.insert(position, label)
    ElementTree.register_namespace("", _SVG)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def _drop_clutter(root: ElementTree.Element) -> None:
    """Without the style sheet (it would reach the whole page), metadata, comments and layout whitespace."""
    for parent in root.iter():
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag in (f"{{{_SVG}}}style", f"{{{_SVG}}}metadata"):
                parent.remove(child)
                continue
            child.tail = None
        if parent.tag != f"{{{_SVG}}}text":
            parent.text = None


def _rename_ids(root: ElementTree.Element, key: str) -> None:
    """Keep only the ids that something refers to, made unique in the page."""
    used = set()
    for element in root.iter():
        link = element.attrib.pop(f"{{{_XLINK}}}href", None)
        if link is not None:
            element.set("href", f"#{key}-{link[1:]}")
            used.add(link[1:])
        path = element.get("clip-path", "")
        if path.startswith("url(#"):
            used.add(path[5:-1])
            element.set("clip-path", f"url(#{key}-{path[5:-1]})")
    for element in root.iter():
        name = element.attrib.pop("id", None)
        if name in used:
            element.set("id", f"{key}-{name}")


def _compact(numbers: str) -> str:
    """Hundredths of a pixel are enough, and line breaks are not needed."""
    return re.sub(r"\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}", " ".join(numbers.split()))


def _themed(style: str) -> str:
    """Colours by variable; the page's own typeface."""
    kept = []
    for rule in style.split(";"):
        name, _, value = (part.strip() for part in rule.partition(":"))
        if name == "font":
            name, value = "font-size", value.split("px")[0].split()[-1] + "px"
        elif name == "font-family" or not name:
            continue
        for label, color in PALETTE.items():
            if value.lower() == color:
                value = f"var(--{label})"
        kept.append(f"{name}:{value}")
    return ";".join(kept)
