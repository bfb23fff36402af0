"""A number, a whole number or a list of texts is let pass; anything else is refused with its name and its value."""

import numpy as np
import pytest

from yinguo.core.checks import check_number, check_whole
from yinguo.errors import DataError
from yinguo.language.checks import check_heads, check_texts


@pytest.mark.parametrize("value", [-1, 0, float("nan"), float("inf"), "a", None, 1 + 1j])
def test_what_is_no_number_in_the_range_is_refused_by_name_and_value(value):
    with pytest.raises(DataError) as refused:
        check_number("gamma", value, above=0)
    assert str(refused.value).startswith(f"gamma is {value!r}; it must be a finite number, above 0")


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "a", None, float("nan")])
def test_what_is_no_whole_number_in_the_range_is_refused(value):
    with pytest.raises(DataError, match=r"steps is .*; it must be a whole number, at least 1"):
        check_whole("steps", value)


def test_numbers_of_numpy_and_none_where_it_is_allowed_pass():
    assert check_number("alpha", np.float32(0.5), least=0, most=1) is None
    assert check_number("clip", None, above=0, none=True) is None
    assert check_whole("steps", np.int64(3)) is None
    assert check_whole("steps", None, none=True) is None


def test_a_single_text_is_no_list_of_texts():
    check_texts("texts", ("a", "b"))
    with pytest.raises(DataError, match=r"texts is 'abc'; give a list of texts, such as \['abc'\]"):
        check_texts("texts", "abc")
    with pytest.raises(DataError, match=r"texts has 1 entries that are no text, the first is entry 1 \(None\)"):
        check_texts("texts", ["a", None])


@pytest.mark.parametrize(
    ("width", "heads", "dropout", "words"),
    [(0, 2, 0, "width is 0"), (8, 0, 0, "heads is 0"), (8, 3, 0, "multiple of the heads"), (8, 2, 1, "dropout is 1")],
)
def test_widths_that_no_heads_can_share_are_refused(width, heads, dropout, words):
    with pytest.raises(DataError, match=words):
        check_heads(width, heads, dropout)
