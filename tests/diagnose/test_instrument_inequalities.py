"""Instrumental inequality and its bounds: the linear programme, the size of the test at its edge, and its power."""

import json

import numpy as np
import pytest
from scipy.optimize import linprog

import yinguo as yg
from yinguo.diagnose import balke_pearl_bounds, pearl_inequality
from yinguo.diagnose.instrument_inequalities import _LOWER, _UPPER

PAIRS = [(0, 0), (0, 1), (1, 0), (1, 1)]


def linear_programme(shares):
    """Least and largest average effect over all mixtures of the 16 kinds of people; None if none fits.

    ``shares``: (z, y, t). A kind says which treatment it takes under each z and which outcome it has under each t.
    """
    kinds = [(treatment, outcome) for treatment in PAIRS for outcome in PAIRS]
    A = np.zeros((2, 2, 2, 16))
    for k, (treatment, outcome) in enumerate(kinds):
        for z in (0, 1):
            A[z, outcome[treatment[z]], treatment[z], k] = 1.0
    effect = np.array([outcome[1] - outcome[0] for _, outcome in kinds], dtype=float)
    ends = [linprog(sign * effect, A_eq=A.reshape(8, 16), b_eq=shares.ravel(), bounds=(0, None)) for sign in (1, -1)]
    return None if ends[0].status == 2 else (ends[0].fun, -ends[1].fun)


def study_of(z, t, y):
    return yg.Study.from_arrays(np.empty((len(z), 0)), t, y, Z=z)


def draw(rng, n=2000, wrong=0.0):
    """A hidden cause of treatment and outcome; the average effect is between 0.2 and 0.3."""
    z, u = rng.integers(0, 2, n), rng.normal(size=n)
    t = (u + 1.5 * (z - 0.5) + rng.normal(size=n) > 0).astype(float)
    return z, t, (t + u + wrong * z + 0.5 * rng.normal(size=n) > 0.5).astype(float), u


def edge(rng, n=500):
    """The inequality holds with equality: half are treated, and then the outcome is the instrument itself."""
    z, t = rng.integers(0, 2, n), (rng.random(n) < 0.5).astype(float)
    return study_of(z, t, np.where(t == 1, z, rng.random(n) < 0.5))


def test_closed_form_is_the_linear_programme_which_has_no_solution_where_the_inequality_breaks():
    rng, seen = np.random.default_rng(0), set()
    for _ in range(200):
        shares = rng.dirichlet(np.full(4, 0.6), size=2).reshape(2, 2, 2)
        pearl = shares.max(axis=0).sum(axis=0).max()
        found = linear_programme(shares)
        seen.add(found is None)
        assert (found is None) == (pearl > 1)
        if found is not None:
            lower = (_LOWER[:, :8] @ shares.ravel() + _LOWER[:, 8]).max()
            upper = (_UPPER[:, :8] @ shares.ravel() + _UPPER[:, 8]).min()
            assert (lower, upper) == pytest.approx(found, abs=1e-7)
    assert seen == {True, False}


def test_bounds_of_a_study_are_those_of_its_shares_and_hold_the_truth_far_from_the_raw_difference():
    rng = np.random.default_rng(1)
    z, t, y, u = draw(rng, n=20_000)
    e = np.random.default_rng(2).normal(size=20_000)
    truth = np.mean((1 + u + 0.5 * e > 0.5).astype(float) - (u + 0.5 * e > 0.5))
    found = balke_pearl_bounds(study_of(z, t, y))
    shares = np.array([[[np.mean((y == b) & (t == a) & (z == c)) / np.mean(z == c) for a in (0, 1)] for b in (0, 1)]
                       for c in (0, 1)])  # fmt: skip
    assert (found.lower, found.upper) == pytest.approx(linear_programme(shares), abs=1e-7)
    assert found.lower < truth < found.upper
    assert y[t == 1].mean() - y[t == 0].mean() > truth + 0.2
    assert found.ci_low < found.lower
    assert found.upper < found.ci_high
    assert not found.falsified
    assert json.loads(json.dumps(found.to_dict()))["sentence"] == found.sentence


def test_the_interval_covers_both_ends_of_the_population_bounds():
    rng = np.random.default_rng(3)
    z, t, y, _ = draw(rng, n=1_000_000)
    population = balke_pearl_bounds(study_of(z, t, y))
    covered = []
    for _ in range(200):
        z, t, y, _ = draw(rng, n=500)
        found = balke_pearl_bounds(study_of(z, t, y), n_draws=500)
        covered.append(found.ci_low <= population.lower and population.upper <= found.ci_high)
    assert np.mean(covered) > 0.92


def test_shares_that_no_valid_instrument_gives_bound_nothing():
    rng = np.random.default_rng(4)
    z, t = rng.integers(0, 2, 500), (rng.random(500) < 0.9).astype(float)
    found = balke_pearl_bounds(study_of(z, t, z.astype(float)))
    assert found.falsified
    assert found.lower is None
    assert found.pearl > 1.5
    assert found.diagnostic.verdict == "look"
    assert "bound nothing" in found.sentence


def test_at_its_edge_the_inequality_is_refused_as_often_as_it_should_be():
    rng = np.random.default_rng(5)
    p = np.array([pearl_inequality(edge(rng), n_draws=400).p_value for _ in range(500)])
    # Three Monte Carlo errors are 0.03 and 0.04.
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.03)
    assert (p < 0.1).mean() == pytest.approx(0.1, abs=0.04)


@pytest.mark.parametrize("continuous", [False, True])
def test_valid_instruments_pass_and_one_that_decides_the_outcome_does_not(continuous):
    rng = np.random.default_rng(6)
    for _ in range(20):
        z, t, y, _ = draw(rng, n=500)
        noise = 0.3 * rng.normal(size=500) if continuous else 0
        assert pearl_inequality(study_of(z, t, y + noise), n_draws=300).p_value > 0.05
        mostly = (rng.random(500) < 0.8).astype(float)
        broken = pearl_inequality(study_of(z, mostly, 3.0 * z + noise), n_draws=300)
        assert broken.refuted
        assert broken.value > 1.2
        assert broken.diagnostic.verdict == "stop"
        assert "refute that" in broken.sentence


def test_treatments_and_instruments_of_several_values_are_tested_and_the_worst_is_named():
    rng = np.random.default_rng(7)
    n = 900
    z, t = rng.integers(0, 3, n), rng.choice(3, n, p=[0.1, 0.1, 0.8])
    y = np.where(t == 2, z, rng.integers(0, 3, n)).astype(float)
    found = pearl_inequality(study_of(z, t.astype(float), y))
    assert found.refuted
    assert found.where.startswith("t = 2")
    assert not pearl_inequality(study_of(z, t.astype(float), rng.integers(0, 3, n).astype(float))).refuted


def test_the_same_seed_gives_the_same_p_value():
    study = edge(np.random.default_rng(8))
    assert pearl_inequality(study, random_state=3) == pearl_inequality(study, random_state=3)


def test_what_the_inequality_does_not_hold_for_is_refused():
    rng = np.random.default_rng(9)
    z, t, y, _ = draw(rng, n=200)
    with pytest.raises(yg.DataError, match="continuous"):
        pearl_inequality(study_of(z, rng.normal(size=200), y))
    with pytest.raises(yg.DataError, match="at most 20"):
        pearl_inequality(study_of(rng.normal(size=200), t, y))
    with pytest.raises(yg.DataError, match="no instruments"):
        pearl_inequality(yg.Study.from_arrays(np.empty((200, 0)), t, y))
    with pytest.raises(yg.DataError, match="one value only"):
        pearl_inequality(study_of(z, t, np.ones(200)))
    with pytest.raises(yg.DataError, match="inequalities; set bins lower"):
        pearl_inequality(study_of(rng.integers(0, 10, 200), t, rng.normal(size=200)))
    with pytest.raises(yg.DataError, match="has groups"):
        pearl_inequality(yg.Study.from_arrays(np.empty((200, 0)), t, y, Z=z, groups=z))
    with pytest.raises(yg.DataError, match="outcome 'y' is continuous"):
        balke_pearl_bounds(study_of(z, t, y + rng.normal(size=200)))
    with pytest.raises(yg.DataError, match="take 3 values"):
        balke_pearl_bounds(study_of(rng.integers(0, 3, 200), t, y))


def test_covariates_are_named_as_not_used():
    rng = np.random.default_rng(10)
    z, t, y, u = draw(rng, n=200)
    study = yg.Study.from_arrays(u, t, y, Z=z)
    assert "not used" in pearl_inequality(study).notes[0]
    assert "not used" in balke_pearl_bounds(study).notes[0]
