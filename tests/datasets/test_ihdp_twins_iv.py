"""IHDP and twins with drawn instruments: how they are drawn, cut and reshuffled, and which truth is whose."""

import os

import numpy as np
import pytest
from scipy.special import expit

from yinguo.datasets import ihdp_iv, twins_iv
from yinguo.errors import DataError

needs_data = pytest.mark.skipif(
    not os.environ.get("YINGUO_DATA"), reason="YINGUO_DATA is not set; the shared data sets ihdp and twins are needed"
)


def everyone(draw):
    """Covariates, unobserved confounders and instruments of the training rows."""
    return draw.study.X, draw.extras["unobserved"], draw.study.Z


@needs_data
@pytest.mark.parametrize(("m_x", "m_u"), [(6, 0), (4, 2)])
def test_ihdp_is_cut_into_the_published_parts(m_x, m_u):
    draw = ihdp_iv(m_x=m_x, m_u=m_u)
    test = draw.extras["test"]
    assert (draw.study.n, draw.extras["validation"].n, len(test["treated"].T)) == (470, 202, 75)
    assert draw.study.X.shape[1] == m_x
    assert draw.extras["unobserved"].shape == (470, m_u)
    assert draw.study.Z.shape == (470, 2)


@needs_data
def test_the_two_ihdp_designs_hide_columns_of_one_and_the_same_draw():
    seen, hidden = ihdp_iv(m_x=6, m_u=0), ihdp_iv(m_x=4, m_u=2)
    assert np.array_equal(seen.study.Y, hidden.study.Y)
    assert np.array_equal(seen.study.T, hidden.study.T)
    assert np.array_equal(seen.study.X, np.column_stack(everyone(hidden)[:2]))


@needs_data
def test_ihdp_replications_are_reshuffles_of_one_draw():
    def rows(draw):
        return sorted(np.concatenate([draw.study.Y, draw.extras["validation"].Y]))

    first, second = ihdp_iv(), ihdp_iv(replication=1)
    shared = set(rows(first)) & set(rows(second))
    assert len(shared) > 550
    assert first.truth != second.truth
    assert first.extras["sample_ate"] == second.extras["sample_ate"] == pytest.approx(4.0161, abs=5e-5)
    assert first.extras["published_truth"] == 4.0
    assert set(rows(ihdp_iv(random_state=1))).isdisjoint(rows(first))


@needs_data
@pytest.mark.parametrize(("load", "shift"), [(ihdp_iv, 0), (twins_iv, -2)])
def test_the_treatment_follows_its_formula(load, shift):
    draw = load()
    X, U, Z = everyone(draw)
    e = expit((Z * X[:, : Z.shape[1]]).sum(axis=1) + X.sum(axis=1) + U.sum(axis=1) + shift)
    T = draw.study.T
    assert abs((T - e).sum()) < 4 * np.sqrt((e * (1 - e)).sum())
    # Rows that the formula calls likely are treated more often than those it calls unlikely, as often as it says.
    for part in (e > 0.8, e < 0.4):
        assert T[part].mean() == pytest.approx(e[part].mean(), abs=0.09)


@needs_data
def test_ihdp_outcomes_carry_a_hundredth_of_noise_and_the_naive_comparison_is_wrong():
    draw = ihdp_iv()
    study, extras = draw.study, draw.extras
    noise = study.Y - np.where(study.T == 1, extras["mu1"], extras["mu0"])
    assert noise.std() == pytest.approx(0.01, rel=0.1)
    assert abs(study.Y[study.T == 1].mean() - study.Y[study.T == 0].mean() - draw.truth["ATE"]) > 0.3


@needs_data
def test_twins_have_both_outcomes_and_a_truth_other_than_the_published_one():
    draw = twins_iv(m_x=5, m_u=3)
    study, extras = draw.study, draw.extras
    assert study.outcome_kind == "binary"
    assert np.array_equal(study.Y, np.where(study.T == 1, extras["mu1"], extras["mu0"]))
    assert study.covariates == ("pldel", "birattnd", "brstate", "stoccfipb", "mager8")
    assert (study.X.max(axis=0) <= 1).all()
    assert study.n + extras["validation"].n + len(extras["test"]["control"].T) == 8215
    assert (study.n, extras["validation"].n) == (5175, 2218)
    assert extras["sample_ate"] == pytest.approx(-0.021546, abs=5e-7)
    assert extras["published_truth"] == -0.0252


@needs_data
@pytest.mark.parametrize("load", [ihdp_iv, twins_iv])
def test_sizes_that_the_table_does_not_have_are_refused(load):
    with pytest.raises(DataError, match="m_x is 60"):
        load(m_x=60)
    with pytest.raises(DataError, match="replication is -1"):
        load(replication=-1)


@pytest.mark.parametrize(("load", "name"), [(ihdp_iv, "ihdp"), (twins_iv, "twins")])
def test_without_the_shared_data_the_loader_says_where_they_are_from(load, name, monkeypatch):
    monkeypatch.delenv("YINGUO_DATA", raising=False)
    with pytest.raises(DataError, match=f"{name} .*YINGUO_DATA"):
        load()
