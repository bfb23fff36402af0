"""The airline-demand design: the digits of the published programmes, its structure, its two test sets."""

import numpy as np
import pytest

from yinguo.core.random import as_rng
from yinguo.datasets import demand
from yinguo.datasets.demand import demand_seeds, demand_structure
from yinguo.errors import DataError

#: First experiment of mliv's gen_data(), to the digits its CSV files print: one run of its generator, seeds 2022, 4044.
FIRST = {"u1": 0.339951, "u2": -1.276392, "z": 0.352386, "x1": 2.618150, "x2": 5, "t": 14.045474, "g": -333.147251}
FIRST |= {"y": -334.423643, "m0": -68.454283}


@pytest.fixture(scope="module")
def published():
    return demand(**demand_seeds(0))


def test_the_first_rows_are_those_of_mliv_to_the_printed_digits(published):
    study, hidden, g = published.study, published.extras["unobserved"], published.extras["g"]
    got = {
        "u1": hidden[0, 0], "u2": hidden[0, 1], "z": study.Z[0, 0], "x1": study.X[0, 0], "x2": study.X[0, 1],
        "t": study.T[0], "g": g[0], "y": study.Y[0], "m0": demand_structure(study.X[:1], np.zeros(1))[0],
    }  # fmt: skip
    assert got == pytest.approx(FIRST, abs=5e-7)
    second = [study.Z[1, 0], *study.X[1], study.T[1], study.Y[1]]
    assert second == pytest.approx([-0.730975, 7.518498, 2, 20.145171, -80.359675], abs=5e-7)


def test_means_and_spreads_of_the_first_experiment_are_mlivs(published):
    study = published.study
    assert study.n == published.extras["validation"].n == 10_000
    assert study.T.mean() == pytest.approx(17.8244, abs=5e-5)
    assert study.Y.mean() == pytest.approx(-193.9573, abs=5e-5)
    # Spreads as a data frame prints them, with divisor n - 1.
    assert study.T.std(ddof=1) == pytest.approx(3.759, abs=5e-4)
    assert study.Y.std(ddof=1) == pytest.approx(159.622, abs=5e-4)


def test_the_first_row_of_the_on_policy_test_set_is_mlivs(published):
    points = published.extras["test"]["on-policy"]
    assert len(points.T) == 2800
    row = [points.Z[0, 0], *points.X[0], points.T[0], points.g[0], points.Y[0]]
    assert row == pytest.approx([-1, 0, 1, 22.494534, -7.270259, -8.155276], abs=5e-7)


def test_least_squares_and_two_stage_least_squares_err_on_the_test_set_as_they_do_with_mliv(published):
    study, points = published.study, published.extras["test"]["on-policy"]
    D, Q = (np.column_stack([np.ones(study.n), first, study.X]) for first in (study.T, study.Z))

    def error(theta):
        return points.squared_error(lambda X, T: np.column_stack([np.ones(len(T)), T, X]) @ theta)

    ols = np.linalg.lstsq(D, study.Y, rcond=None)[0]
    assert ols[1:] == pytest.approx([-0.3408, 16.7616, -65.0527], abs=5e-5)
    assert error(ols) == pytest.approx(6763.8, abs=0.05)
    tsls = np.linalg.lstsq(Q @ np.linalg.lstsq(Q, D, rcond=None)[0], study.Y, rcond=None)[0]
    assert tsls[1:] == pytest.approx([-12.8754, 24.3920, -64.8408], abs=5e-5)
    assert error(tsls) == pytest.approx(10136.4, abs=0.05)


def test_the_grid_is_the_product_of_prices_times_and_emotions():
    points = demand(n=10).extras["test"]["grid"]
    assert len(points.T) == 2800
    assert (points.T.min(), points.T.max()) == (10, 25)
    assert len({*zip(points.T, *points.X.T, strict=True)}) == 2800
    # The order of the DFIV programme: emotion runs fastest, price slowest.
    assert points.X[:8, 1].tolist() == [1, 2, 3, 4, 5, 6, 7, 1]
    assert (points.T[:140] == 10).all()
    assert points.Z is None
    assert points.Y is None


def test_the_published_letters_are_swapped_between_the_two_programmes():
    alike = demand(n=50, alpha=0.7, beta=0.2), demand(n=50, alpha=0.2, beta=0.7, parametrisation="cbiv")
    assert np.array_equal(alike[0].study.T, alike[1].study.T)
    added = demand(n=5000, parametrisation="cbiv").study
    # With CB-IV's constants a unit of cost adds one unit of price at any time of the year.
    rest = (
        added.T - 25 - 3 * (demand_structure(np.column_stack([added.X[:, 0], np.ones(5000)]), 0 * added.T) - 100) / 10
    )
    assert np.polyfit(added.Z[:, 0], rest, 1)[0] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("rho", [0.1, 0.5, 0.9])
def test_the_noise_has_unit_variance_and_the_stated_correlation_with_the_price_shock(rho):
    draw = demand(n=100_000, rho=rho)
    shock, noise = draw.extras["unobserved"].T
    assert noise.std() == pytest.approx(1, abs=0.01)
    assert np.corrcoef(shock, noise)[0, 1] == pytest.approx(rho, abs=0.01)
    assert np.corrcoef(draw.study.Z[:, 0], noise)[0, 1] == pytest.approx(0, abs=0.01)
    assert np.allclose(draw.study.Y, draw.extras["g"] + noise)


def test_the_kernel_iv_programme_takes_the_variance_for_the_standard_deviation():
    shock, noise = demand(n=100_000, rho=0.9, noise="kiv").extras["unobserved"].T
    assert (noise - 0.9 * shock).std() == pytest.approx(1 - 0.9**2, rel=0.01)


def test_the_truth_is_the_mean_slope_of_the_structure(published):
    study = published.study
    at = [demand_structure(study.X, np.full(study.n, price)) for price in (0.0, 1.0)]
    assert published.truth["ATE"] == pytest.approx((at[1] - at[0]).mean(), rel=1e-9)
    assert published.extras["test"]["grid"].squared_error(published.extras["structure"]) == 0


def test_seeds_of_mliv_add_up_and_those_of_cbiv_do_not():
    assert [demand_seeds(e)["random_state"] for e in range(4)] == [2022, 2355, 3021, 4020]
    assert demand_seeds(2) == {"random_state": 3021, "validation_seed": 3033 + 3 * 444, "test_seed": 4044 + 3 * 555}
    assert demand_seeds(2, programme="cbiv") == {
        "random_state": 3075, "validation_seed": 4186, "test_seed": 5297,
    }  # fmt: skip


def test_one_generator_draws_all_parts_and_parts_with_seeds_of_their_own_do_not_touch_it():
    draws = [
        demand(n=20, random_state=as_rng(3)),
        demand(n=20, random_state=3),
        demand(n=20, random_state=3, test_seed=1),
    ]
    first, second, third = draws
    assert np.array_equal(first.study.Y, third.study.Y)
    assert np.array_equal(first.extras["validation"].Y, third.extras["validation"].Y)
    assert np.array_equal(first.extras["test"]["on-policy"].T, second.extras["test"]["on-policy"].T)
    assert not np.array_equal(first.extras["test"]["on-policy"].T, third.extras["test"]["on-policy"].T)
    assert not np.array_equal(first.study.Y, first.extras["validation"].Y)


def test_written_columns_hold_the_instrument():
    assert list(demand(n=5).table()) == ["price", "sales", "cost", "time", "emotion"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"parametrisation": "kiv"}, "parametrisation is 'kiv'"),
        ({"noise": "none"}, "noise is 'none'"),
        ({"rho": 1.5}, "rho is 1.5"),
        ({"n": 0}, "n is 0"),
    ],
)
def test_impossible_options_are_refused(options, said):
    with pytest.raises(DataError, match=said):
        demand(**options)
    with pytest.raises(DataError, match="programme is 'kiv'"):
        demand_seeds(0, programme="kiv")
    with pytest.raises(DataError, match="counted from 0"):
        demand_seeds(-1)
