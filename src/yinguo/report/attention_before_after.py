"""Where a language model looks when it answers, before and after tuning: the text itself, shaded.

Each token is shaded by the attention it gets from the positions that predict the answer, averaged over them; tokens
known to cause the answer are underlined. The first token is left white: decoders park attention there, and against it
nothing else could be seen. Both halves share one scale.

A reading is any object with ``tokens`` (T texts), ``attention`` (T, T), ``supervision`` (T, T) and ``mass``, such as
:class:`yinguo.language.causal_tuning.AttentionReading`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from yinguo.errors import DataError
from yinguo.report.canvas import PALETTE, clean, figure_of, under_defaults, write

__all__ = ["ShadedText", "attention_picture", "shaded_text"]

#: Characters in a line of the picture, and pixels of one character and of one line.
_COLUMNS, _WIDE, _HIGH = 84, 7.3, 24
_MARGIN, _TITLE = 18, 34


@dataclass(frozen=True, slots=True, eq=False)
class ShadedText:
    """What one half of the picture shows.

    Attributes
    ----------
    tokens : T texts
    weight : (T,) float array
        Mean attention from the supervised rows; NaN for the first token, and for what comes after those rows look.
    causal : (T,) bool array
        Whether the token is one of the causes.
    mass : float
        Share of attention on the causes.
    """

    tokens: tuple[str, ...]
    weight: np.ndarray
    causal: np.ndarray
    mass: float


def shaded_text(reading: Any) -> ShadedText:
    """Reduce a reading to a weight for each token.

    Raises
    ------
    DataError
        Nothing is supervised in it, so that there is no row to look from.
    """
    supervision = np.asarray(reading.supervision)
    rows = np.flatnonzero(supervision.any(axis=1))
    if not len(rows):
        raise DataError("the reading has no supervised row; give a text with at least one causal link.")
    weight = np.asarray(reading.attention)[rows].mean(axis=0)
    weight[0] = np.nan
    weight[rows.max() + 1 :] = np.nan
    causal = np.asarray(supervision.any(axis=0))
    return ShadedText(tuple(reading.tokens), weight, causal, float(reading.mass))


@under_defaults
def attention_picture(before: Any, after: Any, *, titles: Sequence[str] = ("before", "after")) -> Figure:
    """Attention in one text before and after tuning.

    Parameters
    ----------
    before, after : readings of the same text
    titles : two texts

    Returns
    -------
    matplotlib.figure.Figure
        ``figure.savefig("attention.png")`` keeps it.

    Raises
    ------
    DataError
        The readings are of different texts, or nothing is supervised in them.
    """
    if tuple(before.tokens) != tuple(after.tokens):
        raise DataError("the two readings are of different texts; read the same text before and after.")
    halves = [shaded_text(before), shaded_text(after)]
    places = _laid_out(halves[0].tokens)
    lines = max(line for line, _ in places) + 1
    block = _TITLE + lines * _HIGH + _MARGIN
    width, height = 2 * _MARGIN + _COLUMNS * _WIDE, 2 * block + 30
    figure = figure_of(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    scale = max(float(np.nanmax(half.weight)) for half in halves)
    for k, (half, title) in enumerate(zip(halves, titles, strict=True)):
        top = k * block + 8
        write(axes, _MARGIN, top + 14, f"{title}: {half.mass:.0%} of attention on the causes", size=13, weight="bold")
        for token, weight, causal, (line, column) in zip(half.tokens, half.weight, half.causal, places, strict=True):
            x, y = _MARGIN + column * _WIDE, top + _TITLE - 8 + line * _HIGH
            _token(axes, token, 0.0 if np.isnan(weight) else weight / scale, bool(causal), x, y)
    write(axes, _MARGIN, height - 12, "shade: attention from where the answer is predicted, one scale for both; "
          "underlined: causes", size=10.5, color="muted")  # fmt: skip
    return figure


def _token(axes: Any, token: str, shade: float, causal: bool, x: float, y: float) -> None:
    text = _shown(token)
    across = len(text) * _WIDE
    axes.add_patch(Rectangle((x, y), across, _HIGH - 5, facecolor=PALETTE["treated"], alpha=0.85 * shade, linewidth=0))
    if causal:
        axes.add_patch(Rectangle((x, y + _HIGH - 5), across, 2, facecolor=PALETTE["control"], linewidth=0))
    write(axes, x, y + 14, text, size=_WIDE / 0.602, family="monospace")


def _shown(token: str) -> str:
    """A token in one line, blanks kept."""
    return clean(token).replace("\n", "↵").replace("\t", " ") or " "


def _laid_out(tokens: Sequence[str]) -> list[tuple[int, int]]:
    """Line and column of each token, lines being broken before a word."""
    places: list[tuple[int, int]] = []
    line = column = 0
    for k, token in enumerate(tokens):
        size = len(_shown(token))
        starts = token[:1].isspace() or k == 0
        word = size + sum(len(_shown(t)) for t in _rest_of_word(tokens, k)) if starts else size
        if column and column + word > _COLUMNS and (starts or column + size > _COLUMNS):
            line, column = line + 1, 0
        places.append((line, column))
        column += size
    return places


def _rest_of_word(tokens: Sequence[str], k: int) -> list[str]:
    """Tokens after k that go on with its word."""
    rest = []
    for token in tokens[k + 1 : k + 12]:
        if token[:1].isspace():
            break
        rest.append(token)
    return rest
