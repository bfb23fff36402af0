"""Two-stage least squares: Stata, linearmodels, identities, local effects, coverage, and what it must refuse."""

import json

import numpy as np
import pytest
from linearmodels_figures import REFERENCE as LINEARMODELS
from linearmodels_figures import figures, regions
from stata_ivregress import REFERENCE as HOUSING
from stata_ivregress import blocks, shipped, vectors

import yinguo as yg
from yinguo.datasets import angrist_krueger_1991, card_1995
from yinguo.diagnose import anderson_rubin

#: Stata prints 9 to 12 significant digits; linearmodels solves the same equations in double precision.
STATA, PEER = 1e-8, 1e-8
CLASSES = {"2sls": yg.TwoStageLeastSquares, "liml": yg.LIML}


def toy(seed: int = 0, n: int = 400, effect: float = 1.0, strength: float = 1.0, p: int = 2, q: int = 2, **roles):
    """A hidden confounder, noise that grows with the first instrument."""
    rng = np.random.default_rng(seed)
    X, Z, U = rng.normal(size=(n, p)), rng.normal(size=(n, q)), rng.normal(size=n)
    T = strength * Z.sum(axis=1) + X.sum(axis=1) + U + rng.normal(size=n)
    noise = rng.normal(size=n) * (0.5 + (np.abs(Z[:, 0]) if q else 0))
    return yg.Study.from_arrays(X, T, effect * T + X.sum(axis=1) + U + noise, Z=Z, **roles)


# -- Stata and linearmodels --------------------------------------------------------------------------


def housing(groups: bool = False) -> yg.Study:
    rows = json.loads(HOUSING.read_text())["rows"]
    region = np.array(rows["region"])
    Z = np.column_stack([rows["faminc"], *(region == name for name in ("N Cntrl", "South", "West"))]).astype(float)
    return yg.Study.from_arrays(
        np.array(rows["pcturban"])[:, None], rows["hsngval"], rows["rent"], Z=Z,
        groups=np.array(rows["division"]) if groups else None,
    )  # fmt: skip


@pytest.mark.parametrize("method", ["2sls", "liml"])
@pytest.mark.parametrize("kind", ["unadjusted", "robust", "cluster"])
@pytest.mark.parametrize("size", ["small", "asymptotic"])
def test_coefficients_and_errors_equal_stata_on_rents(method, kind, size):
    found = json.loads(HOUSING.read_text())["results"][f"{method}-{kind}-{size}"]
    options = {"covariance": "unadjusted" if kind == "unadjusted" else "robust", "small": size == "small"}
    fitted = CLASSES[method](**options).fit(housing(kind == "cluster"))
    assert_stata(fitted, found, ["_cons", "hsngval", "pcturban"])
    assert fitted.result_.extras["kappa"] == pytest.approx(found["more"]["kappa"], rel=STATA)


def assert_stata(fitted, found, names) -> None:
    b, t, V = vectors(found, names)
    errors = np.sqrt(np.diag(fitted.covariance_))
    assert fitted.coefficients_ == pytest.approx(b, rel=STATA)
    assert fitted.coefficients_ / errors == pytest.approx(t, rel=STATA)
    covariance = fitted.covariance_ / np.outer(errors, errors)
    assert covariance == pytest.approx(V / np.outer(errors, errors), abs=1e-6)  # printed with fewer digits
    assert fitted.result_.se == errors[1]


@pytest.mark.peer
def test_every_specification_stata_ran_on_the_simulated_rows_is_equal():
    """Weighted or not, clustered or not, one or two instrumented columns: 144 runs of ``ivregress``."""
    pd = pytest.importorskip("pandas")
    pytest.importorskip("linearmodels")
    table = pd.read_stata(shipped("simulated-data.dta"))
    column = lambda *names: table[list(names)].to_numpy(float)  # noqa: E731
    outcome = {"vce(unadjusted)": "y_unadjusted", "vce(robust)": "y_robust", "vce(cluster cluster_id)": "y_clustered"}
    compared = 0
    for title, found in blocks(shipped("stata-iv-simulated-results.txt")):
        method, instrumented, exogenous, instruments, weighted, kind, size = title.split("-")
        if method == "gmm" or "noconstant" in size or kind not in outcome:
            continue
        others = [*(["x2"] if instrumented[-1] == "2" else []), *(["x3", "x4", "x5"] if exogenous[-1] == "3" else [])]
        study = yg.Study.from_arrays(
            column(*others) if others else np.empty((len(table), 0)), column("x1")[:, 0], column(outcome[kind])[:, 0],
            Z=column("z1", "z2") if instruments[-1] == "2" else column("z1"), covariates=others,
            sample_weight=column("weights")[:, 0] if weighted.endswith("True") else None,
            groups=table["cluster_id"].to_numpy() if "cluster" in kind else None,
        )  # fmt: skip
        fitted = CLASSES[method](
            covariance="unadjusted" if "unadjusted" in kind else "robust", small=size == "small",
            endogenous=("x2",) if instrumented[-1] == "2" else (),
        ).fit(study)  # fmt: skip
        assert_stata(fitted, found, ["_cons", "x1", *others])
        compared += 1
    assert compared == 144


def real(name: str) -> dict:
    """Arrays of a real data set, and clusters where the figures have them."""
    if name == "angrist-krueger":
        draw = angrist_krueger_1991()
        return {"study": draw.study, "groups": draw.extras["state"]}
    draw = card_1995(instruments="nearc4" if name == "card-one" else "both", weighted=name == "card-weighted")
    return {"study": draw.study, "groups": None if name == "card-weighted" else regions(draw)}


@pytest.mark.parametrize("name", ["card-one", "card-both", "card-weighted", "angrist-krueger"])
def test_every_figure_equals_linearmodels_on_real_data(name):
    assert_peer(**real(name), found=json.loads(LINEARMODELS.read_text())[name])


@pytest.mark.peer
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("q", [1, 3])
def test_every_figure_equals_linearmodels_on_a_random_design(q, weighted):
    pytest.importorskip("linearmodels")
    rng = np.random.default_rng(q)
    groups, s = rng.integers(0, 60, 700), rng.random(700) + 0.1 if weighted else None
    study = toy(q, n=700, q=q, sample_weight=s)
    found = figures(Y=study.Y, T=study.T, X=study.X, Z=study.Z, groups=groups, s=s)
    assert_peer(study, groups, found)


def assert_peer(study, groups, found: dict) -> None:
    """Coefficients, errors of every kind, tests, first stage."""
    near = lambda value: pytest.approx(value, rel=PEER)  # noqa: E731
    clustered = None if groups is None else study.replace(groups=groups)
    for key, errors in found["errors"].items():
        method, kind, size = key.split("-")
        if study.n > 1e5 and (method == "fuller" or size == "large"):
            continue  # the same code at the price of seconds
        cls = yg.TwoStageLeastSquares if method == "2sls" else yg.LIML
        options = {"fuller": 1.0} if method == "fuller" else {}
        fitted = cls(
            covariance="unadjusted" if kind == "unadjusted" else "robust", small=size == "small", **options
        ).fit(clustered if kind == "clustered" else study)  # fmt: skip
        assert fitted.coefficients_ == near(found[method])
        assert np.sqrt(np.diag(fitted.covariance_)) == near(errors), key
    assert yg.LIML().fit(study).result_.extras["kappa"] == near(found["kappa"])
    for kind, other in (("robust", study), ("clustered", clustered)):
        if other is None:
            continue
        strength = yg.diagnose.instrument_strength(other, interactions=False)
        assert strength.f_robust == near(found["first_stage"][kind])
        joint = yg.diagnose.joint_strength(other)
        assert joint.kleibergen_paap == near(strength.f_robust)
        exogeneity = yg.diagnose.robust_exogeneity_test(other).statistic
        assert exogeneity == near(found["tests"][f"exogeneity-{kind}"])
    strength = yg.diagnose.instrument_strength(study, interactions=False)
    first = found["first_stage"]
    assert (strength.f, strength.partial_r2) == (near(first["unadjusted"]), near(first["partial_r2"]))
    assert yg.diagnose.joint_strength(study).cragg_donald == near(first["cragg_donald"])
    tests = {"wu_hausman": "wu_hausman_test", "durbin": "durbin_test"}
    if study.Z.shape[1] > 1:
        tests |= {name: f"{name}_test" for name in ("sargan", "basmann", "likelihood_ratio")}
        assert yg.diagnose.hansen_j_test(study).statistic == near(found["tests"]["hansen_j-robust"])
        if "hansen_j-clustered" in found["tests"]:
            assert yg.diagnose.hansen_j_test(clustered).statistic == near(found["tests"]["hansen_j-clustered"])
    for theirs, ours in tests.items():
        assert getattr(yg.diagnose, ours)(study).statistic == near(found["tests"][theirs]), theirs


# -- identities --------------------------------------------------------------------------------------


def test_one_instrument_without_covariates_is_the_wald_ratio():
    rng = np.random.default_rng(0)
    Z, U = rng.integers(0, 2, 300).astype(float), rng.normal(size=300)
    T = (Z + U > 0.3).astype(float)
    Y = 2 * T + U
    wald = (Y[Z == 1].mean() - Y[Z == 0].mean()) / (T[Z == 1].mean() - T[Z == 0].mean())
    fitted = yg.TwoStageLeastSquares().fit(yg.Study.from_arrays(np.empty((300, 0)), T, Y, Z=Z))
    assert fitted.result_.estimate == pytest.approx(wald, rel=1e-12)


def test_it_is_least_squares_on_the_fitted_treatment_and_not_with_its_errors():
    study = toy()
    Q = np.column_stack([np.ones(study.n), study.X, study.Z])
    fitted_T = Q @ np.linalg.lstsq(Q, study.T, rcond=None)[0]
    D = np.column_stack([np.ones(study.n), fitted_T, study.X])
    b, rss, *_ = np.linalg.lstsq(D, study.Y, rcond=None)
    ours = yg.TwoStageLeastSquares(covariance="unadjusted").fit(study)
    assert ours.coefficients_ == pytest.approx(b, rel=1e-9)
    wrong = np.sqrt(np.linalg.inv(D.T @ D)[1, 1] * rss[0] / (study.n - 4))
    assert abs(ours.result_.se / wrong - 1) > 0.1


def test_the_treatment_as_its_own_instrument_is_least_squares():
    study = toy()
    own = study.replace(Z=study.T[:, None])
    D = np.column_stack([np.ones(study.n), study.T, study.X])
    result = yg.TwoStageLeastSquares().fit(yg.Study.from_arrays(study.X, study.T, study.Y, Z=own.Z)).result_
    assert result.estimate == pytest.approx(np.linalg.lstsq(D, study.Y, rcond=None)[0][1], rel=1e-10)
    assert [d.verdict for d in result.diagnostics] == ["ok", "ok", "ok"]
    assert result.diagnostics[0].value == np.inf
    assert "not tested" in result.diagnostics[2].sentence


def test_an_instrumented_covariate_keeps_its_place_among_the_coefficients():
    rng = np.random.default_rng(1)
    n = 4_000
    Z, U, a = rng.normal(size=(n, 3)), rng.normal(size=n), rng.normal(size=n)
    T, b = Z @ [1.0, 0.5, 0.0] + U, Z @ [0.0, 1.0, 1.0] - U + rng.normal(size=n)
    study = yg.Study.from_arrays(np.column_stack([a, b]), T, T + 2 * a + 3 * b + 2 * U, covariates=["a", "b"], Z=Z)
    fitted = yg.TwoStageLeastSquares(endogenous=["b"]).fit(study)
    assert fitted.coefficients_ == pytest.approx([0, 1, 2, 3], abs=0.2)
    assert abs(yg.TwoStageLeastSquares().fit(study).result_.estimate - 1) > 0.3
    assert "tell" in fitted.result_.diagnostics[0].sentence
    assert fitted.predict([[1.0, 1.0]], 1.0)[0] == pytest.approx(fitted.coefficients_.sum())


def test_a_confounder_of_instrument_and_outcome_goes_in_as_a_covariate():
    """DoWhy 0.14 with ``common_causes=["w"]`` prints 1.987 on this design (PEERS 3); the truth is 1."""
    rng = np.random.default_rng(0)
    n = 20_000
    w, U = rng.normal(size=n), rng.normal(size=n)
    Z = w + rng.normal(size=n)
    T = Z + U + 0.5 * w + rng.normal(size=n)
    Y = T + 2 * w + U + rng.normal(size=n)
    fit = lambda X: yg.TwoStageLeastSquares().fit(yg.Study.from_arrays(X, T, Y, Z=Z)).result_.estimate  # noqa: E731
    assert fit(w[:, None]) == pytest.approx(1.0, abs=0.03)
    assert fit(np.empty((n, 0))) > 1.6


# -- local effects -----------------------------------------------------------------------------------


def compliers(sides: str, n: int = 40_000, flip: bool = False) -> tuple[yg.Study, np.ndarray, np.ndarray]:
    """Effect 1 for always-takers, 2 for compliers, 3 for never-takers; also the sorts and the effects."""
    rng = np.random.default_rng(3)
    shares = {"two-sided": [0.2, 0.5, 0.3], "no always-takers": [0, 0.6, 0.4], "no never-takers": [0.4, 0.6, 0]}[sides]
    sort = rng.choice(3, size=n, p=shares)
    Z = rng.integers(0, 2, n).astype(float)
    T = np.where(sort == 1, Z, sort == 0).astype(float)
    Y = sort + (sort + 1) * T + rng.normal(size=n)
    study = yg.Study.from_arrays(np.empty((n, 0)), T, Y, Z=1 - Z if flip else Z)
    return study, sort, (sort + 1).astype(float)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("sides", ["two-sided", "no always-takers", "no never-takers"])
def test_late_is_the_effect_on_compliers_and_their_share_is_found(sides, flip):
    study, sort, _ = compliers(sides, flip=flip)
    result = yg.TwoStageLeastSquares(estimand="LATE").fit(study).result_
    assert result.estimand == "LATE"
    assert result.estimate == pytest.approx(2.0, abs=4 * result.se)
    for k, name in enumerate(("always_takers", "compliers", "never_takers")):
        assert result.extras[name] == pytest.approx(np.mean(sort == k), abs=0.02)
    assert result.extras["sides"] == sides
    assert result.extras["instrument_value"] == (0.0 if flip else 1.0)
    said = " ".join(result.notes)
    assert "compliers" in said
    assert ("ATT" in said) == (sides == "no always-takers")
    assert ("ATC" in said) == (sides == "no never-takers")


def test_one_sided_late_is_the_effect_on_the_treated_and_not_that_on_everybody():
    study, _, effect = compliers("no always-takers")
    result = yg.TwoStageLeastSquares(estimand="LATE").fit(study).result_
    assert abs(result.estimate - effect[study.T == 1].mean()) < 4 * result.se
    assert abs(result.estimate - effect.mean()) > 4 * result.se


def test_shares_follow_sample_weights_and_covariates():
    study, _, _ = compliers("two-sided", n=4_000)
    counts = np.random.default_rng(0).integers(1, 4, study.n)
    X = np.random.default_rng(1).normal(size=(study.n, 1))
    with_X = yg.Study.from_arrays(X, study.T, study.Y, Z=study.Z)
    weighted = yg.Study.from_arrays(X, study.T, study.Y, Z=study.Z, sample_weight=counts)
    repeated = with_X.take(np.repeat(np.arange(study.n), counts))
    a, b = (yg.TwoStageLeastSquares(estimand="LATE").fit(s).result_.extras for s in (weighted, repeated))
    assert all(a[k] == pytest.approx(b[k], rel=1e-9) for k in ("compliers", "always_takers", "never_takers"))
    assert sum(a[k] for k in ("compliers", "always_takers", "never_takers")) == pytest.approx(1.0)


def test_everybody_complying_makes_late_the_ate_and_several_instruments_an_average():
    rng = np.random.default_rng(0)
    Z = rng.integers(0, 2, 200).astype(float)
    full = yg.Study.from_arrays(np.empty((200, 0)), Z, Z + rng.normal(size=200), Z=Z)
    assert "effect on everybody (ATE)" in " ".join(yg.TwoStageLeastSquares(estimand="LATE").fit(full).result_.notes)
    study = toy()
    binary = study.replace(T=(study.T > 0).astype(float))
    result = yg.TwoStageLeastSquares(estimand="LATE").fit(binary).result_
    assert "weighted" in " ".join(result.notes)
    assert "compliers" not in result.extras
    with pytest.raises(yg.NotIdentifiedError, match="continuous"):
        yg.TwoStageLeastSquares(estimand="LATE").fit(study)


# -- coverage and refusals ---------------------------------------------------------------------------


@pytest.mark.parametrize("grouped", [False, True])
def test_intervals_cover_with_unequal_noise_and_in_groups_where_plain_ones_do_not(grouped):
    plain, own, hits = [], [], []
    for seed in range(400):
        study = toy(seed, n=300)
        if grouped:
            rng = np.random.default_rng(1000 + seed)
            groups = np.repeat(np.arange(60), 5)
            shock = rng.normal(size=(2, 60))
            Z = study.Z + 2 * shock[0][groups, None]
            T = study.T + Z.sum(axis=1) - study.Z.sum(axis=1)
            study = yg.Study.from_arrays(study.X, T, study.Y - study.T + T + 2 * shock[1][groups], Z=Z, groups=groups)
        naive = yg.Study.from_arrays(study.X, study.T, study.Y, Z=study.Z)
        result = yg.TwoStageLeastSquares().fit(study).result_
        plain.append(yg.TwoStageLeastSquares(covariance="unadjusted").fit(naive).result_)
        own.append(result.estimate)
        hits.append(result.ci()[0] <= 1 <= result.ci()[1])
    assert abs(np.mean(own) - 1) < 4 * np.std(own) / 20 + 0.01  # small-sample bias is of order 1/n
    assert 0.92 <= np.mean(hits) <= 0.985
    assert np.mean([r.ci()[0] <= 1 <= r.ci()[1] for r in plain]) < 0.91
    ols = [yg.LIML(k=0).fit(toy(seed, n=300)).result_.estimate for seed in range(20)]
    assert abs(np.mean(ols) - 1) > 0.15


def test_scores_make_the_error_of_a_difference():
    study = toy(n=2_000)
    robust, weak = (yg.TwoStageLeastSquares().fit(s).result_ for s in (study, study))
    assert (robust - weak).se == pytest.approx(0.0, abs=1e-12)
    centred = robust.scores - robust.estimate
    assert np.sqrt(centred @ centred) / study.n == pytest.approx(robust.se, rel=2e-3)


def test_redundant_instruments_are_refused_by_name():
    study = toy()
    twice = yg.Study.from_arrays(study.X, study.T, study.Y, Z=np.column_stack([study.Z, study.Z.sum(axis=1)]))
    with pytest.raises(yg.DataError, match="z3"):
        yg.TwoStageLeastSquares().fit(twice)
    covariate = yg.Study.from_arrays(study.X, study.T, study.Y, Z=np.column_stack([study.Z[:, 0], study.X[:, 0] * 2]))
    with pytest.raises(yg.DataError, match="'z2' are linear combinations of the covariates"):
        yg.LIML().fit(covariate)


@pytest.mark.parametrize(
    "method", [yg.TwoStageLeastSquares().fit, yg.LIML().fit, yg.ControlFunction().fit, anderson_rubin]
)
def test_more_covariates_than_rows_are_blamed_on_the_covariates(method):
    rng = np.random.default_rng(0)
    Z, T = rng.normal(size=(40, 2)), rng.normal(size=40)
    wide = yg.Study.from_arrays(rng.normal(size=(40, 60)), T + Z[:, 0], T, Z=Z)
    with pytest.raises(yg.DataError, match=r"60 covariates are too many for 40 rows.*use fewer covariates"):
        method(wide)


def test_what_is_not_identified_is_refused():
    study = toy()
    own = lambda **parts: yg.Study.from_arrays(  # noqa: E731
        parts.get("X", study.X), parts.get("T", study.T), study.Y, Z=parts.get("Z", study.Z)
    )
    with pytest.raises(yg.NotIdentifiedError, match="determine"):
        yg.TwoStageLeastSquares().fit(own(T=study.X.sum(axis=1)))
    with pytest.raises(yg.NotIdentifiedError, match="1 instruments for 2"):
        yg.TwoStageLeastSquares(endogenous=["x1"]).fit(own(Z=study.Z[:, :1]))
    still = np.repeat([1.0, -1.0], study.n // 2)
    T = np.tile([1.0, -1.0], study.n // 2)
    with pytest.raises(yg.NotIdentifiedError, match="do not move t at all"):
        yg.TwoStageLeastSquares().fit(own(X=np.empty((study.n, 0)), T=T, Z=still))
    with pytest.raises(yg.DataError, match="5 rows"):
        yg.TwoStageLeastSquares().fit(study.take(range(5)))
    with pytest.raises(yg.DataError, match="not a covariate"):
        yg.TwoStageLeastSquares(endogenous=["x9"]).fit(study)


def test_options_that_contradict_one_another_or_the_study_are_refused():
    with pytest.raises(yg.DataError, match="covariance is 'hc3'"):
        yg.TwoStageLeastSquares(covariance="hc3").fit(toy())
    with pytest.raises(yg.DataError, match="groups"):
        yg.TwoStageLeastSquares(covariance="unadjusted").fit(toy(groups=np.arange(400) % 40))
    with pytest.raises(yg.DataError, match="2 groups"):
        yg.TwoStageLeastSquares().fit(toy(groups=np.zeros(400)))


def test_a_weak_instrument_is_a_failing_check_printed_before_the_estimate():
    result = yg.TwoStageLeastSquares().fit(toy(strength=0.02)).result_
    assert result.diagnostics[0].verdict == "stop"
    lines = result.summary().splitlines()
    assert "hardly move" in lines[1]
    assert "nothing can be said" in lines[2]
    assert "changes" in lines[3]


def test_instruments_that_disagree_are_said_to():
    study = toy(n=2_000)
    bad = study.replace(Y=study.Y + 0.5 * study.Z[:, 1])
    for covariance, name in (("robust", "Hansen J"), ("unadjusted", "Sargan")):
        check = yg.TwoStageLeastSquares(covariance=covariance).fit(bad).result_.diagnostics[1]
        assert check.verdict == "look"
        assert name in check.sentence


@pytest.mark.parametrize("method", CLASSES.values(), ids=CLASSES)
@pytest.mark.parametrize("covariance", ["robust", "unadjusted"])
def test_degenerate_data_have_checks_that_can_be_read(method, covariance):
    """Outcomes without residual, treatments without first-stage residual: reasons, not divisions by zero."""
    study = toy()
    cases = {
        "constant outcome": study.replace(Y=np.ones(study.n)),
        "outcome determined by treatment": study.replace(Y=2 * study.T + 1),
        "outcome determined by instruments": study.replace(Y=study.Z @ [1.0, 2.0]),
        "treatment determined by instruments": study.replace(T=study.Z.sum(axis=1)),
        "everything determined": study.replace(T=study.Z[:, 0], Y=study.Z[:, 0] + study.X[:, 0]),
    }
    for name, case in cases.items():
        found = method(covariance=covariance).fit(case).result_.to_dict()
        assert len(found["diagnostics"]) == 3, name
        assert json.dumps(found), name
    flat = method(covariance=covariance).fit(cases["constant outcome"]).result_
    assert (flat.estimate, flat.se) == (pytest.approx(0.0, abs=1e-12), pytest.approx(0.0, abs=1e-12))
    assert flat.extras["sargan"] is None
    assert "not tested" in flat.diagnostics[2].sentence


def test_the_extras_hold_the_figures_of_equal_noise():
    study = toy()
    extras = yg.TwoStageLeastSquares().fit(study).result_.extras
    assert extras["first_stage_f"] == pytest.approx(yg.diagnose.instrument_strength(study).f, rel=1e-10)
    for name, test in (("sargan", "sargan_test"), ("wu_hausman", "wu_hausman_test")):
        found = getattr(yg.diagnose, test)(study)
        assert (extras[name], extras[f"{name}_p"]) == (found.statistic, found.p_value)
