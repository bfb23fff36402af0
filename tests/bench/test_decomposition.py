"""The table on decomposition: what counts as separated, and that two regressions separate the design."""

from types import SimpleNamespace

import numpy as np
import pytest

from yinguo.bench import table
from yinguo.bench.decomposition import separation
from yinguo.bench.decomposition_rows import SortedByTests
from yinguo.datasets import dercfr_design


def sorted_right(drawn, **changes):
    """Contributions of 1 on the own block and 0 elsewhere, with changes by role."""
    names, roles = drawn.study.covariates, drawn.extras["roles"]
    found = {role: {n: float(n in roles[role]) for n in names} for role in ("instrument", "confounder", "adjuster")}
    for role, change in changes.items():
        found[role] |= change
    return SimpleNamespace(contributions_=found)


def test_contributions_on_the_own_block_alone_are_a_success_and_half_elsewhere_is_half_a_share():
    drawn = dercfr_design(n=100)
    assert set(separation(sorted_right(drawn), drawn).values()) == {1.0}
    spread = sorted_right(drawn, confounder={f"x{k}": 1.0 for k in range(1, 9)})
    measured = separation(spread, drawn)
    assert measured["confounders' own share"] == 0.5
    assert measured["confounders largest on their own"] == 0.0
    assert measured["instruments largest on their own"] == 1.0
    assert measured["all three"] == 0.0


def test_noise_that_is_used_most_is_no_success():
    drawn = dercfr_design(n=100)
    measured = separation(sorted_right(drawn, adjuster={"x25": 5.0}), drawn)
    assert measured["adjusters largest on their own"] == 0.0


def test_root_pehe_is_that_of_effects_against_noiseless_ones():
    drawn = dercfr_design(n=100, outcome="continuous")
    zero = SimpleNamespace(contributions_={}, effect=lambda X: np.zeros(len(X)))
    tau = drawn.extras["test_mu1"] - drawn.extras["test_mu0"]
    assert separation(zero, drawn)["root PEHE out of sample"] == pytest.approx(np.sqrt(np.mean(tau**2)))


@pytest.mark.parametrize("outcome", ["binary", "continuous"])
def test_two_regressions_sort_every_covariate_of_the_design(outcome):
    drawn = dercfr_design(outcome=outcome)
    measured = separation(SortedByTests().fit(drawn.study), drawn)
    assert measured["all three"] == 1.0
    assert measured["confounders' own share"] > 0.85


def test_the_table_holds_the_decomposed_networks_against_regressions():
    labels = {method.label for method in table("decomposition").methods}
    assert labels >= {"DeR-CFR", "DR-CFR", "two regressions", "boosted T-learner"}
