"""What the picture of attention shows: weights from the rows that predict, one scale, the causes underlined."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from yinguo.errors import DataError
from yinguo.report.attention_before_after import attention_picture, shaded_text
from yinguo.report.canvas import PALETTE

TOKENS = ("Smoking", ":", " 9", ",", " Room", ":", " 7", " Answer", ":", " High")


def reading(on_cause=0.3, tokens=TOKENS):
    size = len(tokens)
    attention = np.tril(np.ones((size, size)))
    attention[8] = 0.01
    attention[8, 0], attention[8, 2] = 0.5, on_cause
    supervision = np.zeros((size, size), dtype=bool)
    supervision[8, 1:3] = True
    return SimpleNamespace(tokens=tokens, attention=attention, supervision=supervision, mass=on_cause + 0.01)


def patches(figure, color):
    return [p for p in figure.axes[0].patches if isinstance(p, Rectangle) and to_hex(p.get_facecolor()) == color]


def test_weights_are_those_of_the_predicting_rows_without_the_first_token():
    shown = shaded_text(reading())
    assert np.isnan(shown.weight[0])
    assert np.isnan(shown.weight[9])
    assert shown.weight[2] == pytest.approx(0.3)
    assert list(np.flatnonzero(shown.causal)) == [1, 2]


def test_both_halves_share_one_scale_and_underline_the_causes():
    figure = attention_picture(reading(0.1), reading(0.4))
    shades = [p.get_alpha() for p in patches(figure, PALETTE["treated"])]
    assert max(shades) == pytest.approx(0.85)
    assert shades[2] == pytest.approx(0.85 * 0.1 / 0.4)
    assert shades[len(TOKENS) + 2] == max(shades)
    assert len(patches(figure, PALETTE["control"])) == 4


def test_the_words_and_the_shares_are_written():
    figure = attention_picture(reading(0.1), reading(0.4), titles=("plain", "CAT"))
    written = [text.get_text() for text in figure.axes[0].texts]
    assert "plain: 11% of attention on the causes" in written
    assert "CAT: 41% of attention on the causes" in written
    assert written.count("Smoking") == 2


def test_a_long_text_is_broken_before_words_and_stays_inside_the_picture():
    tokens = tuple(f" word{k}" for k in range(60))
    figure = attention_picture(reading(tokens=tokens), reading(tokens=tokens))
    right = figure.axes[0].get_xlim()[1]
    boxes = patches(figure, PALETTE["treated"])
    assert len({round(box.get_y()) for box in boxes}) > 6
    assert all(box.get_x() + box.get_width() <= right for box in boxes)


def test_markup_in_a_text_stays_text():
    tokens = ("<b>", " $x^2$", " _a_", ":", " Room", ":", " 7", " Answer", ":", " High")
    figure = attention_picture(reading(tokens=tokens), reading(tokens=tokens))
    assert " $x^2$" in [text.get_text() for text in figure.axes[0].texts]
    assert not any(text.get_parse_math() for text in figure.axes[0].texts)


def test_readings_that_do_not_belong_together_are_refused():
    with pytest.raises(DataError, match="different texts"):
        attention_picture(reading(), reading(tokens=("x", *TOKENS[1:])))
    empty = reading()
    empty.supervision[:] = False
    with pytest.raises(DataError, match="no supervised row"):
        shaded_text(empty)
