"""KernelIV against the published formulas, two other programmes' numbers, and curves that are known."""

import numpy as np
import pytest
from kernel_toys import AVERAGE_SLOPE, confounded_error, grid, squared_error, toy

import yinguo as yg
from yinguo.datasets.demand import demand, demand_seeds
from yinguo.kernels.gaussian import gaussian_kernel, median_bandwidth

#: The options under which the method is that of mliv 0.0.2 and of the code of Xu et al. (2021).
PROGRAMME = {"bandwidth": "joint", "centre_outcome": False}


def their_split(n: int, seed: int = 2022) -> np.ndarray:
    """First-stage rows as ``numpy.random.seed`` and scikit-learn's ``train_test_split`` draw them."""
    marked = np.zeros(n, dtype=bool)
    marked[np.random.RandomState(seed).permutation(n)[n // 2 :]] = True
    return marked


@pytest.fixture(scope="module")
def airline():
    return demand(**demand_seeds(0))


def test_the_demand_figures_of_mliv_are_met(airline):
    """mliv 0.0.2, KernelIV with num=1000 on its experiment 0: penalties, and test error to all printed digits."""
    method = yg.KernelIV(**PROGRAMME, split=their_split(1000)).fit(airline.study.take(np.arange(1000)))
    assert method.penalties_ == pytest.approx((2.5595479e-06, 7.5431201e-05), rel=1e-7)
    assert airline.extras["test"]["on-policy"].squared_error(method.predict) == pytest.approx(2789.503, abs=1e-3)


@pytest.mark.parametrize(
    ("seed", "error"),
    [(1, 2165.354), (2, 2334.126)],
)
def test_other_splits_of_mliv_are_met_as_well(airline, seed, error):
    """The same call with config['seed'] changed: a split alone moves the error by 600."""
    method = yg.KernelIV(**PROGRAMME, split=their_split(1000, seed)).fit(airline.study.take(np.arange(1000)))
    assert airline.extras["test"]["on-policy"].squared_error(method.predict) == pytest.approx(error, abs=6e-3)


def test_it_is_the_closed_form_of_the_paper():
    study, lam, xi = toy(n=120), 1e-3, 1e-2
    first = np.arange(120) % 2 == 0
    TX, ZX = np.column_stack([study.T, study.X]), np.column_stack([study.Z, study.X])
    vx, vz = median_bandwidth(TX[first]), median_bandwidth(ZX[first])
    KZZ, KXX = gaussian_kernel(ZX[first], ZX[first], vz), gaussian_kernel(TX[first], TX[first], vx)
    gamma = np.linalg.solve(KZZ + 60 * lam * np.eye(60), gaussian_kernel(ZX[first], ZX[~first], vz))
    W, level = KXX @ gamma, study.Y.mean()
    alpha = np.linalg.lstsq(W @ W.T + 60 * xi * KXX, W @ (study.Y[~first] - level), rcond=1e-13)[0]
    X, T = grid(50)
    expected = level + gaussian_kernel(np.column_stack([T, X]), TX[first], vx) @ alpha
    method = yg.KernelIV(stage1_penalty=lam, stage2_penalty=xi, split=first).fit(study)
    assert method.predict(X, T) == pytest.approx(expected, abs=1e-4)
    assert method.penalties_ == (lam, xi)


def test_it_finds_the_curve_that_confounded_regression_misses():
    errors, naive = [], []
    for seed in range(8):
        study = toy(seed)
        errors.append(squared_error(yg.KernelIV(random_state=seed).fit(study).predict))
        naive.append(confounded_error(study))
    assert min(naive) > 1.0
    assert max(errors) < 0.3
    assert np.mean(errors) < 0.1 * np.mean(naive)


def test_more_rows_bring_the_curve_and_the_average_slope_nearer():
    few = [yg.KernelIV(random_state=s).fit(toy(s, 300)) for s in range(6)]
    many = [yg.KernelIV(random_state=s).fit(toy(s, 3000)) for s in range(6)]
    assert np.mean([squared_error(m.predict) for m in many]) < 0.5 * np.mean([squared_error(m.predict) for m in few])
    gaps = [abs(np.mean([m.result_.estimate for m in group]) - AVERAGE_SLOPE) for group in (few, many)]
    assert gaps[1] < gaps[0]
    # The slope of a regression on the confounded treatment is 1 below the truth.
    assert gaps[1] < 0.3


@pytest.mark.parametrize("approximation", ["nystrom", "random-features"])
def test_an_approximation_of_enough_terms_is_the_exact_method(approximation):
    study = toy()
    fixed = {"stage1_penalty": 1e-3, "stage2_penalty": 1e-3}
    exact = yg.KernelIV(**fixed).fit(study)
    gaps = {}
    for centres in (20, 1000):
        near = yg.KernelIV(**fixed, approximation=approximation, centres=centres).fit(study)
        gaps[centres] = np.abs(near.predict(*grid()) - exact.predict(*grid())).mean()
    assert gaps[1000] < 0.3 * gaps[20]
    assert gaps[1000] < {"nystrom": 1e-6, "random-features": 0.1}[approximation]


def test_rows_in_another_order_change_nothing_if_the_split_follows_them():
    study, first = toy(), np.arange(600) % 2 == 0
    order = np.random.default_rng(1).permutation(600)
    here = yg.KernelIV(split=first).fit(study)
    there = yg.KernelIV(split=first[order]).fit(study.take(order))
    assert there.predict(*grid()) == pytest.approx(here.predict(*grid()), abs=1e-5)


def test_a_constant_added_to_the_outcome_is_added_to_the_curve():
    study = toy()
    here, there = (yg.KernelIV().fit(s).predict(*grid()) for s in (study, study.replace(Y=study.Y + 1e4)))
    assert there - 1e4 == pytest.approx(here, abs=1e-5)
    # Without the mean taken out first the curve is drawn towards 0 instead, and the effect with it.
    drawn = yg.KernelIV(centre_outcome=False).fit(study.replace(Y=study.Y + 1e4)).predict(*grid())
    assert np.abs(drawn - 1e4 - here).max() > 1.0


def test_a_rare_category_does_not_stop_the_kernel():
    study = toy()
    rare = (np.arange(600) % 20 == 0).astype(float)
    method = yg.KernelIV().fit(study.replace(X=np.column_stack([study.X, rare]), covariates=["x", "rare"]))
    assert squared_error(lambda X, T: method.predict(np.column_stack([X, 0 * T]), T)) < 0.4


def test_what_was_chosen_is_told_and_a_choice_at_the_edge_is_a_note():
    result = yg.KernelIV(stage1_penalty=[1.0, 10.0], stage2_penalty=0.01).fit(toy()).result_
    assert result.extras["stage1_penalty"] == 1.0
    assert result.extras["stage2_penalty"] == 0.01
    assert result.extras["treatment_features"] <= 300
    assert [note for note in result.notes if note.startswith("stage1_penalty: the best penalty, 1, is the smallest")]
    assert not [note for note in result.notes if note.startswith("stage2_penalty")]
    assert result.diagnostics[0].name == "first-stage"
    assert result.diagnostics[0].verdict == "ok"
    assert result.se is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bandwidth": "silverman"}, "bandwidth is 'silverman'"),
        ({"approximation": "rff"}, "approximation is 'rff'"),
        ({"approximation": "nystrom", "centres": 0}, "centres is 0"),
        ({"stage1_penalty": -1.0}, "stage1_penalty is -1.0"),
        ({"stage2_penalty": []}, r"stage2_penalty is \[\]"),
        ({"split": 1.5}, "split is 1.5"),
        ({"split": np.ones(600, dtype=bool)}, "some true and some false"),
        ({"split": np.arange(600)}, "type int64"),
    ],
)
def test_wrong_options_are_named_with_their_value(options, words):
    with pytest.raises(yg.DataError, match=words):
        yg.KernelIV(**options).fit(toy())


def test_too_many_rows_for_the_exact_method_are_told_the_remedy(monkeypatch):
    monkeypatch.setattr("yinguo.instruments.kernel_parts.EXACT_ROWS", 250)
    with pytest.raises(yg.DataError, match="set approximation='nystrom'"):
        yg.KernelIV().fit(toy())
