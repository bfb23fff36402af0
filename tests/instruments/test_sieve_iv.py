"""SieveIV: two-stage least squares in its limit, the truth with an interval, and refusals."""

import numpy as np
import pytest

import yinguo as yg


def bent(seed: int, n: int = 1000) -> yg.Study:
    """A cubic effect that a covariate changes, and a hidden confounder."""
    rng = np.random.default_rng(seed)
    Z, U, noise, x = rng.normal(size=(4, n))
    T = Z + U + 0.5 * x
    return yg.Study.from_arrays(x[:, None], T, curve(x, T) - 2 * U + 0.3 * noise, Z=Z)


def curve(x, T) -> np.ndarray:
    return T**3 / 6 + x * T + T


#: E[T^2 / 2 + x + 1] with T of variance 2.25.
TRUTH = 1 + 2.25 / 2


@pytest.fixture(scope="module")
def fits():
    return [yg.SieveIV().fit(bent(seed)) for seed in range(60)]


def test_the_average_slope_is_the_truth_and_its_interval_covers_it(fits):
    estimates = np.array([fit.result_.estimate for fit in fits])
    errors = np.array([fit.result_.se for fit in fits])
    assert abs(estimates.mean() - TRUTH) < 4 * estimates.std() / np.sqrt(60)
    assert errors.mean() == pytest.approx(estimates.std(), rel=0.25)
    assert 0.89 <= np.mean(np.abs(estimates - TRUTH) < 1.96 * errors) <= 0.99


def test_regression_on_the_same_functions_misses_it():
    found = []
    for seed in range(20):
        study = bent(seed)
        T, x = study.T, study.X[:, 0]
        D = np.column_stack([np.ones(study.n), T, x, T**2, T * x, x**2, T**3, T**2 * x, T * x**2, x**3])
        b = np.linalg.lstsq(D, study.Y, rcond=None)[0]
        found.append(np.mean(b[1] + 2 * b[3] * T + b[4] * x + 3 * b[6] * T**2 + 2 * b[7] * T * x + b[8] * x**2))
    assert np.mean(found) < TRUTH - 10 * np.std(found) / np.sqrt(20)
    assert np.mean(found) < TRUTH - 0.5


def test_the_curve_is_found_and_mostly_at_its_true_degree(fits):
    x, T = np.zeros(41), np.linspace(-2, 2, 41)
    errors = [np.mean((fit.predict(x[:, None], T) - curve(x, T)) ** 2) for fit in fits]
    assert np.median(errors) < 0.1
    degrees = [fit.result_.extras["degree"] for fit in fits]
    assert np.mean(np.equal(degrees, 3)) > 0.8


def test_in_lines_it_is_two_stage_least_squares_with_its_standard_error():
    rng = np.random.default_rng(0)
    X, Z, U = rng.normal(size=(800, 2)), rng.normal(size=(800, 2)), rng.normal(size=800)
    T = Z @ [1.0, -0.5] + X[:, 0] + U
    study = yg.Study.from_arrays(X, T, 2 * T + X @ [1.0, 1.0] + U * (1 + Z[:, 0] ** 2), Z=Z)
    theirs = yg.TwoStageLeastSquares(small=False).fit(study).result_
    ours = yg.SieveIV(degrees=[1], extra_degree=0).fit(study).result_
    assert ours.estimate == pytest.approx(theirs.estimate, rel=1e-9)
    assert ours.se == pytest.approx(theirs.se, rel=2e-3)


def test_a_treatment_of_two_values_has_one_effect_for_each_covariate_value():
    rng = np.random.default_rng(0)
    n = 4000
    Z, U, x = rng.normal(size=(3, n))
    T = (Z + U > 0).astype(float)
    study = yg.Study.from_arrays(x[:, None], T, (1 + x) * T + x - 2 * U, Z=Z)
    method = yg.SieveIV().fit(study)
    assert abs(method.result_.estimate - 1) < 3 * method.result_.se
    assert method.result_.se < 0.2
    assert method.effect(np.array([[-1.0], [1.0]])) == pytest.approx([0.0, 2.0], abs=0.4)


def test_rows_of_one_cluster_count_once():
    study = bent(0)
    once = yg.SieveIV(degrees=[3], folds=np.arange(1000) % 5).fit(study).result_
    twice = study.take(np.repeat(np.arange(1000), 2))
    grouped = yg.Study.from_arrays(twice.X, twice.T, twice.Y, Z=twice.Z, groups=np.repeat(np.arange(1000), 2))
    result = yg.SieveIV(degrees=[3], folds=np.repeat(np.arange(1000) % 5, 2)).fit(grouped).result_
    assert result.estimate == pytest.approx(once.estimate, rel=1e-9)
    assert result.se == pytest.approx(once.se, rel=2e-3)


def test_a_chosen_ridge_takes_the_standard_error_away():
    result = yg.SieveIV(penalties=[0.1, 1.0]).fit(bent(0)).result_
    assert result.extras["penalty"] in (0.1, 1.0)
    assert result.se is None
    assert "ridge" in result.no_inference


def test_an_instrument_of_two_values_identifies_a_line_and_no_curve():
    rng = np.random.default_rng(0)
    Z, U = (rng.random(500) < 0.5).astype(float), rng.normal(size=500)
    study = yg.Study.from_arrays(np.empty((500, 0)), Z + U, 2 * (Z + U) + U, Z=Z)
    assert yg.SieveIV().fit(study).result_.extras["degree"] == 1
    with pytest.raises(yg.NotIdentifiedError, match="too few values to identify a curve of degree 2"):
        yg.SieveIV(degrees=[2, 3]).fit(study)


def test_degrees_that_the_rows_cannot_carry_are_told():
    notes = yg.SieveIV().fit(bent(0, n=150)).result_.notes
    assert [note for note in notes if note.startswith("degree 5 not tried")]
    with pytest.raises(yg.DataError, match="20 rows are too few for degree 4"):
        yg.SieveIV(degrees=[4]).fit(bent(0, n=20))


def test_the_highest_degree_is_told_when_it_is_the_one_chosen():
    notes = yg.SieveIV(degrees=[1, 2]).fit(bent(0)).result_.notes
    assert [note for note in notes if note.startswith("the highest degree tried, 2, was chosen")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"degrees": []}, r"degrees is \[\]"),
        ({"degrees": [1.5]}, r"degrees is \[1.5\]"),
        ({"extra_degree": -1}, "extra_degree is -1"),
        ({"penalties": [-1.0]}, r"penalties is \[-1.0\]"),
        ({"folds": 1}, "folds is 1"),
    ],
)
def test_wrong_options_are_named_with_their_value(options, words):
    with pytest.raises(yg.DataError, match=words):
        yg.SieveIV(**options).fit(bent(0, n=100))
