"""The bootstrap: close to theory where it is valid, refused where it is not."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.core.bootstrap import Bootstrap, bootstrap
from yinguo.core.estimator import Estimator


def test_it_comes_near_the_standard_error_of_the_theory(study):
    for method in (yg.DifferenceInMeans(), yg.IPW(), yg.EntropyBalancing()):
        drawn = bootstrap(method, study, n_draws=150)
        result = method.clone().fit(study).result_
        assert drawn.se == pytest.approx(result.se, rel=0.25)
        low, high = drawn.ci()
        assert low < result.estimate < high
        assert drawn.failures == ()


def test_draws_do_not_depend_on_the_number_of_processes_and_repeat(study):
    one, again, two = (bootstrap(yg.IPW(), study, n_draws=6, n_jobs=n).estimates for n in (1, 1, 2))
    assert np.array_equal(one, again)
    assert np.array_equal(one, two)
    assert not np.array_equal(one, bootstrap(yg.IPW(), study, n_draws=6, random_state=1).estimates)


def test_whole_groups_are_drawn_and_one_drawn_twice_counts_as_two():
    seen = []

    class Look(Estimator):
        capabilities = yg.Capabilities(needs=(), honours=("groups",))

        def __init__(self):
            pass

        def fit(self, study):
            seen.append(study)
            self.result_ = self.make_result(study, 0.0, no_inference="none.")
            return self

    groups = np.repeat(np.arange(10), [1, 2, 3, 4, 5, 1, 2, 3, 4, 5])
    study = yg.Study.from_arrays(np.arange(30.0), np.arange(30) % 2, np.arange(30.0), groups=groups)
    bootstrap(Look(), study, n_draws=5)
    for drawn in seen:
        assert sorted(set(drawn.groups)) == list(range(10))
        for g in range(10):
            origin = groups[drawn.rows[drawn.groups == g]]
            assert len(set(origin)) == 1
            assert len(origin) == (groups == origin[0]).sum()


def test_clustered_draws_vary_like_clusters():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 10)
    T = (groups % 2).astype(float)
    Y = T + rng.normal(size=40)[groups] + 0.3 * rng.normal(size=400)
    study = yg.Study.from_arrays(np.empty((400, 0)), T, Y, groups=groups)
    result = yg.DifferenceInMeans().fit(study).result_
    assert bootstrap(yg.DifferenceInMeans(), study, n_draws=150).se == pytest.approx(result.se, rel=0.25)
    plain = yg.DifferenceInMeans().fit(yg.Study.from_arrays(study.X, T, Y)).result_
    assert result.se > 2 * plain.se


def test_draws_that_give_no_estimate_are_counted_and_too_many_are_an_error():
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    rare = yg.Study.from_arrays(x, np.arange(40) < 3, x)  # a resample often has fewer than two treated
    drawn = bootstrap(yg.DifferenceInMeans(), rare, n_draws=60)
    assert len(drawn.failures) == np.isnan(drawn.estimates).sum() > 0
    assert np.isfinite(drawn.se)
    separated = yg.Study.from_arrays(x, x > 0, x)
    with pytest.raises(yg.DataError, match="10 of 10 resamples gave no estimate; the first: the covariates predict"):
        bootstrap(yg.IPW(), separated, n_draws=10)


def test_progress_is_told(study):
    told = []
    bootstrap(yg.DifferenceInMeans(), study, n_draws=3, progress=lambda *news: told.append(news))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_one_draw_has_no_deviation(study):
    with pytest.raises(yg.DataError, match="n_draws is 1"):
        bootstrap(yg.IPW(), study, n_draws=1)


def test_matching_with_a_fixed_number_of_neighbours_is_refused(study):
    class Match(yg.DifferenceInMeans):
        capabilities = yg.Capabilities(inference="Abadie-Imbens 2006")

    with pytest.raises(yg.DataError, match="the bootstrap is not valid for match"):
        bootstrap(Match(), study)


def test_the_interval_is_that_of_percentiles():
    drawn = Bootstrap(np.r_[np.nan, np.arange(101.0)], ("one failed",))
    assert drawn.ci(0.9) == pytest.approx((5.0, 95.0))
    assert drawn.se == pytest.approx(np.arange(101.0).std(ddof=1))
