"""Simpson's paradox: the classic tables, the identities of standardisation, and what the text claims."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yinguo import Study
from yinguo.datasets import simpson
from yinguo.diagnose.simpson import explain_simpson
from yinguo.diagnose.simpson_study import explain_study
from yinguo.errors import DataError, OverlapError

ADVERTS = {"sums": [[10, 40], [4, 50]], "counts": [[400, 600], [200, 800]], "strata": ("low income", "high income")}


def test_advert_table_reverses_and_standardising_flips_the_sign():
    found = explain_simpson(**ADVERTS)
    assert found.pooled.means == (50 / 1000, 54 / 1000)
    assert [round(c.difference, 10) for c in found.strata] == [round(0.025 - 0.02, 10), round(40 / 600 - 0.0625, 10)]
    # 600 users of low income and 1400 of high income, over both algorithms
    expected = 0.3 * (0.025 - 0.02) + 0.7 * (40 / 600 - 0.0625)
    assert found.standardised.difference == pytest.approx(expected, rel=1e-12)
    assert found.pooled.difference < 0 < found.standardised.difference
    assert found.reversal
    assert found.sign_change


def test_kidney_stones_of_charig_et_al_reverse():
    # From memory of Charig et al. (1986), BMJ 292: open surgery 81/87 and 192/263, percutaneous 234/270 and 55/80.
    found = explain_simpson([[81, 192], [234, 55]], [[87, 263], [270, 80]], groups=("open", "percutaneous"))
    assert [round(m, 2) for m in found.pooled.means] == [0.78, 0.83]
    assert found.reversal


def test_text_of_the_advert_table_says_all_four_things():
    text = explain_simpson(**ADVERTS).sentence
    assert "Taken together, B has the higher outcome, 5.40% against 5.00% of A" in text
    assert "the other way round" in text
    assert "40% of A but 20% of B are low income, where the outcome is low" in text
    assert "With the same mix of strata in both groups, A has the higher outcome, 5.42% against 4.97% of B" in text
    assert "can be chance" in text
    assert "The table cannot tell which" in text


def test_no_reversal_is_called_ok_and_keeps_quiet_about_mix():
    found = explain_simpson([[30, 60], [20, 50]], [[100, 100], [100, 100]])
    assert not found.reversal
    assert found.diagnostic.verdict == "ok"
    assert "all strata agree" in found.sentence
    assert "made up differently" not in found.sentence


def test_strata_that_disagree_are_no_reversal_even_if_standardising_changes_the_sign():
    found = explain_simpson([[30, 5, 90], [50, 1, 9]], [[100, 10, 100], [200, 10, 10]])
    assert not found.reversal
    assert "do not agree" in found.sentence


tables = st.lists(st.tuples(*[st.integers(1, 60)] * 4, *[st.floats(0, 1)] * 2), min_size=1, max_size=6)


@given(tables)
def test_equal_mix_leaves_nothing_to_standardise(cells):
    n = np.array([[c[0], 3 * c[0]] for c in cells], dtype=float).T
    rates = np.array([[c[4], c[5]] for c in cells]).T
    found = explain_simpson(rates * n, n)
    assert found.mix_effect == pytest.approx(0, abs=1e-12)
    assert not found.reversal


@given(tables)
def test_standardised_difference_is_between_the_smallest_and_the_largest_stratum(cells):
    n = np.array([[c[0], c[1]] for c in cells], dtype=float).T
    rates = np.array([[c[4], c[5]] for c in cells]).T
    found = explain_simpson(rates * n, n)
    gaps = [c.difference for c in found.strata]
    assert min(gaps) - 1e-12 <= found.standardised.difference <= max(gaps) + 1e-12
    if found.reversal:
        assert found.sign_change


@given(tables)
def test_swapping_the_groups_mirrors_everything(cells):
    n = np.array([[c[0], c[1]] for c in cells], dtype=float).T
    sums = np.array([[c[4], c[5]] for c in cells]).T * n
    one, other = explain_simpson(sums, n), explain_simpson(sums[::-1], n[::-1])
    assert other.pooled.difference == -one.pooled.difference
    assert other.standardised.difference == pytest.approx(-one.standardised.difference, abs=1e-12)
    assert other.reversal == one.reversal


def test_stratum_of_one_group_only_is_left_out_of_standardising_and_said():
    found = explain_simpson([[10, 40, 7], [4, 50, 0]], [[400, 600, 70], [200, 800, 0]])
    assert found.left_out == ("stratum 3",)
    assert found.standardised.difference == pytest.approx(explain_simpson(**ADVERTS).standardised.difference)
    assert found.pooled.counts == (1070, 1000)
    assert "stratum 3" in found.sentence


def test_standard_errors_are_those_of_independent_shares():
    found = explain_simpson(**ADVERTS)
    p = found.pooled.means
    assert found.pooled.se == pytest.approx(np.sqrt(p[0] * (1 - p[0]) / 1000 + p[1] * (1 - p[1]) / 1000))
    cells = [(0.3, 0.025, 400), (0.7, 40 / 600, 600), (0.3, 0.02, 200), (0.7, 0.0625, 800)]
    assert found.standardised.se == pytest.approx(np.sqrt(sum(w**2 * r * (1 - r) / n for w, r, n in cells)))


def test_study_gives_the_same_explanation_as_its_table():
    draw = simpson()
    found = explain_study(draw.study, draw.extras["income"], groups=("A", "B"))
    table = explain_simpson([[40, 10], [50, 4]], [[600, 400], [800, 200]], strata=("high income", "low income"))
    assert found.sentence == table.sentence
    assert found.standardised.difference == pytest.approx(draw.truth["ATE"])
    by_name = explain_study(draw.study, "high_income")
    assert by_name.groups == ("treated", "controls")
    assert [c.label for c in by_name.strata] == ["high_income = 0", "high_income = 1"]


def test_continuous_outcome_is_compared_in_its_own_unit():
    rng = np.random.default_rng(0)
    sick = (rng.random(600) < 0.5) * 1.0
    drug = (rng.random(600) < 0.2 + 0.6 * sick) * 1.0
    days = 10 + 8 * sick - 2 * drug + rng.normal(0, 1, 600)
    study = Study(
        {"sick": sick, "drug": np.where(drug == 1, "yes", "no"), "days": days}, treatment="drug", outcome="days"
    )
    found = explain_study(study, "sick")
    assert found.reversal
    assert found.groups == ("yes", "no")
    assert "%" not in found.sentence.split("made up")[0]
    within = [
        np.var(days[(sick == s) & (drug == t)]) / ((sick == s) & (drug == t)).sum() for s in (0, 1) for t in (0, 1)
    ]
    share = np.repeat([np.mean(sick == 0), np.mean(sick == 1)], 2)
    assert found.standardised.se == pytest.approx(np.sqrt(share**2 @ within))


def test_verdict_and_plain_types():
    found = explain_simpson(**ADVERTS)
    assert found.diagnostic.verdict == "look"
    as_dict = found.to_dict()
    assert as_dict["strata"][0]["label"] == "low income"
    assert [row.label for row in found.rows()] == ["low income", "high income", "pooled", "standardised"]


@pytest.mark.parametrize(
    ("sums", "counts", "options"),
    [
        ([[1, 2]], [[3, 4]], {}),
        ([[1, 2], [1, 2]], [[3, 4], [3, 4]], {"strata": ("one",)}),
        ([[5, 2], [1, 2]], [[3, 4], [3, 4]], {}),
        ([[1, 2], [1, 0]], [[3, 4], [3, -4]], {}),
        ([[1, 2], [1, 1]], [[3, 4], [3, 0]], {}),
        ([[1, 2], [0, 0]], [[3, 4], [0, 0]], {}),
    ],
)
def test_impossible_tables_are_refused(sums, counts, options):
    with pytest.raises(DataError):
        explain_simpson(sums, counts, **options)


def test_groups_without_a_common_stratum_cannot_be_compared():
    with pytest.raises(OverlapError, match="none of the 2 strata"):
        explain_simpson([[1, 0], [0, 2]], [[3, 0], [0, 4]])


def test_a_stratum_of_too_many_values_is_refused_with_the_remedy():
    study = Study.from_arrays(np.arange(60.0), np.arange(60) % 2, np.arange(60.0))
    with pytest.raises(DataError, match="classes"):
        explain_study(study, "x1")
    with pytest.raises(DataError, match="not a covariate"):
        explain_study(study, "age")
