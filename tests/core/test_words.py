"""Figures and sentences as a person reads them."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import yinguo as yg
from yinguo.core import words
from yinguo.core.capabilities import ASSUMPTIONS


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"), (0.0, "0.000"), (1.0, "1.000"), (-1.23456, "-1.235"), (1794.3423, "1794"), (0.012346, "0.01235"),
        (12345.678, "12346"), (123456.7, "123457"), (9999.4, "9999"), (9999.96, "10000"), (99999.96, "100000"),
        (1.5e9, "1.500e+09"), (3e-5, "3.000e-05"), (float("nan"), "nan"), (-9999.99, "-10000"),
    ],
)  # fmt: skip
def test_a_figure_has_four_significant_places_and_no_exponent_in_the_everyday_range(value, shown):
    assert words.number(value) == shown


@given(st.floats(1e-4, 9.9e8), st.booleans())
def test_every_figure_reads_back_to_within_its_digits(value, negative):
    value = -value if negative else value
    shown = words.number(value)
    assert float(shown) == pytest.approx(value, rel=6e-4)
    assert "e" not in shown


def test_the_question_names_treatment_outcome_and_who_is_averaged_over(study):
    assert words.question(study, "ATE") == "How much does 't' change 'y', averaged over everybody?"
    assert "those treated" in words.question(study, "ATT")
    assert "those not treated" in words.question(study, "ATC")
    assert words.question(study, "QTE").endswith("QTE?")


def test_assumptions_are_sentences_about_this_study(study):
    said = words.assumptions(study, yg.IPW.capabilities)
    assert len(said) == len(yg.IPW.capabilities.assumes)
    assert "'t' and 'y'" in said[0]
    assert not any("{" in sentence for sentence in said)


def test_every_assumption_is_a_full_sentence():
    for sentence in ASSUMPTIONS.values():
        assert sentence[0].isupper()
        assert sentence.rstrip(")").endswith(".")


@pytest.mark.parametrize(("estimate", "verdict"), [(1.0, "zero is outside"), (0.1, "do not settle its sign")])
def test_the_answer_says_what_the_interval_says(estimate, verdict):
    result = SimpleNamespace(
        treatment="t", outcome="y", estimand="ATT", estimate=estimate, se=0.1, no_inference=None,
        ci=lambda level: (estimate - 0.196, estimate + 0.196),
    )  # fmt: skip
    said = words.answer(result)
    assert verdict in said
    assert "95% interval" in said


def test_without_an_interval_the_reason_stands_there():
    result = SimpleNamespace(treatment="t", outcome="y", estimand="ATE", estimate=1.0, se=None, no_inference="because.")
    assert words.answer(result).endswith("No valid interval: because.")


def test_a_level_is_shown_with_the_digits_it_has(study):
    result = yg.DifferenceInMeans().fit(study).result_
    assert "(99.9% interval" in words.answer(result, 0.999)
    assert "(90% interval" in words.answer(result, 0.9)
