"""Figures without global state, and their way into a page."""

import re
import warnings
from xml.etree import ElementTree

import matplotlib
import pytest

from yinguo.report.canvas import (
    PALETTE,
    axes_at,
    clean,
    figure_of,
    inline_svg,
    shorten,
    text_width,
    ticks,
    under_defaults,
    write,
)


@under_defaults
def small_figure(text="label"):
    figure = figure_of(200, 100)
    axes = axes_at(figure, 20, 10, 160, 60)
    axes.plot([0, 1], [0, 1], color=PALETTE["control"])
    write(axes, 0.5, 0.5, text)
    ticks(axes, 4, "unit")
    return figure


def svg(text="label", key="k"):
    return inline_svg(small_figure(text), key=key, title="A <title>", description="what & why")


def test_markup_in_a_text_stays_text():
    root = ElementTree.fromstring(svg("<script>alert(1)</script>"))
    assert not [e for e in root.iter() if e.tag.endswith("script")]
    assert "<script>alert(1)</script>" in [e.text for e in root.iter() if e.tag.endswith("}text")]


@pytest.mark.parametrize("text", ["$x$", "$\\frac{broken", "price in $", "a $ b $ c", "\\$"])
def test_a_dollar_sign_is_not_read_as_mathematics(text):
    assert text in [e.text for e in ElementTree.fromstring(svg(text)).iter() if e.tag.endswith("}text")]


def test_control_characters_and_lone_surrogates_are_replaced():
    assert clean("a\x07b\ud800c\td") == "a�b�c\td"
    ElementTree.fromstring(svg("a\x00b\x1bc"))


def test_the_picture_has_a_title_and_a_description_that_label_it():
    root = ElementTree.fromstring(svg())
    ids = {e.get("id"): e.text for e in root.iter() if e.get("id")}
    assert root.get("role") == "img"
    assert [ids[i] for i in root.get("aria-labelledby").split()] == ["A <title>", "what & why"]


def test_ids_of_two_pictures_differ_and_every_reference_is_met():
    first, second = (ElementTree.fromstring(svg(key=key)) for key in ("a", "b"))
    ids = [{e.get("id") for e in root.iter() if e.get("id")} for root in (first, second)]
    assert not ids[0] & ids[1]
    text = svg(key="a")
    references = set(re.findall(r'href="#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)\)", text))
    assert references <= ids[0]


def test_the_picture_carries_no_style_sheet_that_would_reach_the_page_and_no_outside_address():
    text = svg().replace("http://www.w3.org/2000/svg", "")
    assert "<style" not in text
    assert "http" not in text


def test_colours_become_variables_so_that_dark_mode_can_change_them():
    assert "var(--control)" in svg()
    assert PALETTE["control"] not in svg()


def test_the_same_figure_gives_the_same_bytes():
    assert svg() == svg()


def test_settings_of_the_caller_neither_change_the_picture_nor_are_changed():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", matplotlib.MatplotlibDeprecationWarning)
        before = dict(matplotlib.rcParams)
        expected = svg("$a$")
        assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 40, "lines.linewidth": 9, "text.usetex": True}):
        assert svg("$a$") == expected


def test_long_names_are_cut_in_the_middle_to_the_length_asked_for():
    assert shorten("a" * 50 + "z", 11) == "aaaaa…aaaaz"
    assert len(shorten("b" * 99, 24)) == 24
    assert shorten("two\n lines") == "two lines"


def test_chinese_text_is_given_room_for_full_squares():
    assert text_width("因果", 12) > 24
