"""One suite for every estimator there is: the contract, the properties it declares, the promises of its docstring.

Classes come from the registry, what applies to each from its ``Capabilities``; there is no list of methods here.
"""

import copy
import inspect
import json
import pickle
import re

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import yinguo as yg
from yinguo.core.capabilities import ASSUMPTIONS
from yinguo.core.lazy import EXTRAS, installed
from yinguo.core.registry import estimators
from yinguo.core.structural import StructuralEstimator, average_slope
from yinguo.core.unit_effects import UnitEffects
from yinguo.errors import MissingExtraError, YinguoError

CLASSES = [c for c in estimators().values() if installed(c.capabilities.extra)]
#: These can be looked at and not fitted; the suite passes them over but for one test.
WITHOUT_EXTRA = [c for c in estimators().values() if c not in CLASSES]
PAIRS = [pytest.param(c, e, id=f"{c.name}-{e}") for c in CLASSES for e in c.capabilities.estimands]
#: Relative agreement asked of an equivariance; iterative solvers stop at tolerances of 1e-6 and better.
TOLERANCE = 2e-5


#: Roles that a rebuilt study keeps.
KEPT = ("Z", "S", "V", "time")


def holding(prop: str) -> list:
    """(class, estimand) pairs that declare a property."""
    return [
        pytest.param(c, e, id=f"{c.name}-{e}")
        for c in CLASSES
        if prop in c.capabilities.holds
        for e in c.capabilities.estimands
    ]


def small(cls=None, seed: int = 0, n: int = 160) -> yg.Study:
    """Discrete covariates with ties, so that exact matching has strata to match in; truth 1.5.

    For a class that needs instruments, a hidden confounder and as many strong instruments as it needs, at least two.
    """
    rng = np.random.default_rng(seed)
    if cls is not None and "instruments" in cls.capabilities.needs:
        can = cls.capabilities
        with_z = small_with_instruments(rng, 2 * n, max(2, can.instruments), "binary" in can.treatment)
        if "selection" not in can.needs:
            return with_z
        S = partly_seen(rng, with_z.X, with_z.T, with_z.Y, shadow=False).S
        return rebuilt(with_z, Y=np.where(S == 1, with_z.Y, np.nan), S=S)
    X = np.column_stack([rng.integers(0, 3, n), rng.integers(0, 2, n), rng.integers(0, 2, n)]).astype(float)
    T = (rng.random(n) < 1 / (1 + np.exp(-0.6 * (X[:, 0] - 1)))).astype(float)
    Y = X @ [1.0, 0.5, -0.5] + 1.5 * T + 0.5 * rng.normal(size=n)
    if cls is not None and "selection" in cls.capabilities.needs:
        return partly_seen(rng, X, T, Y, shadow="shadow" in cls.capabilities.needs)
    if cls is not None and "time" in cls.capabilities.needs:
        return over_time(rng, 4 * n)
    return yg.Study.from_arrays(X, T, Y)


def partly_seen(rng, X, T, Y, *, shadow: bool) -> yg.Study:
    """Three outcomes in four are seen, by treatment, covariates and chance; a shadow variable moves the outcome."""
    V = rng.integers(0, 2, len(Y)) * 1.0 if shadow else None
    Y = Y if V is None else Y + V
    S = (rng.random(len(Y)) < 1 / (1 + np.exp(-0.7 - 0.5 * T - 0.3 * X[:, 1]))) * 1.0
    return yg.Study.from_arrays(X, T, np.where(S == 1, Y, np.nan), S=S, V=V)


def over_time(rng, n: int) -> yg.Study:
    """One series of variables that depend on their own past, with a hidden cause new at every step."""
    X, T, Y = np.zeros((n, 3)), np.zeros(n), np.zeros(n)
    for t in range(1, n):
        U = rng.normal()
        X[t] = 0.5 * X[t - 1] + rng.normal(size=3)
        T[t] = 0.7 * T[t - 1] + 0.5 * U + 0.5 * X[t, 0] + rng.normal()
        Y[t] = 0.5 * Y[t - 1] + 1.5 * T[t] + X[t] @ [1.0, 0.5, -0.5] + 0.5 * U + 0.5 * rng.normal()
    return yg.Study.from_arrays(X, T, Y, time=np.arange(n) + 1.0)


def clusters(cls, study: yg.Study):
    """A grouping that a class can work with: any, but of rows over time a few series."""
    if "time" in cls.capabilities.needs:
        return (study.time * 4 // study.n).astype(int).clip(0, 3)
    return np.random.default_rng(0).integers(0, 40, study.n)


def rebuilt(study: yg.Study, X=None, T=None, Y=None, rows=slice(None), **roles) -> yg.Study:
    """The study with other arrays or further roles, its instruments, selection, shadow variables and times kept."""
    kept = {name: None if (values := getattr(study, name)) is None else values[rows] for name in KEPT}
    X, T, Y = (getattr(study, n)[rows] if a is None else np.asarray(a) for n, a in (("X", X), ("T", T), ("Y", Y)))
    kept |= {name: roles.pop(name) for name in tuple(kept) if name in roles}
    if kept["S"] is not None:
        Y = np.where(kept["S"] == 1, Y, np.nan)
    return yg.Study.from_arrays(X, T, Y, **kept, **roles)


def small_with_instruments(rng, n: int, q: int, binary: bool) -> yg.Study:
    X = np.column_stack([rng.integers(0, 3, n), rng.integers(0, 2, n), rng.integers(0, 2, n)]).astype(float)
    Z, U = rng.normal(size=(n, q)), rng.normal(size=n)
    T = 1.5 * Z.sum(axis=1) + 0.5 * U + 0.3 * (X[:, 0] - 1)
    T = (T > 0).astype(float) if binary else T
    Y = X @ [1.0, 0.5, -0.5] + 1.5 * T + 0.4 * U + 0.3 * rng.normal(size=n)
    return yg.Study.from_arrays(X, T, Y, Z=Z)


def brief(cls) -> dict:
    """Options that make a network train for a moment only: whether it learns is its own test's matter.

    Methods that leave the learning to others are given a line: a property they declare holds with learners that have
    it, and boosted trees have none of them.
    """
    options = cls.option_defaults()
    if "epochs" in options:
        return {name: 3 for name in options if name == "epochs" or name.endswith("_epochs")}
    if "trees" in options:
        return {"trees": 8, "outcome_model": LinearRegression()}
    plain = LinearRegression() if cls.capabilities.unit_effects != "no" else None
    return {name: plain for name in ("outcome_model", "effect_model") if plain is not None and name in options}


def ready(cls, study: yg.Study, **options):
    """An instance whose folds, if it has any, are fixed by row content, so that permutations permute them too."""
    options = brief(cls) | options
    if "folds" in cls.option_defaults() and "folds" not in options:
        # Outcomes that were not seen are all alike; row numbers, which move with the rows, tell their rows apart.
        ranks = np.lexsort((study.rows, np.where(np.isnan(study.Y), np.inf, study.Y), study.T)).argsort()
        options["folds"] = ranks % 2
    return cls(**options)


def fitted(cls, study, **options):
    return ready(cls, study, **options).fit(study).result_


# -- the contract ------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.name)
def test_the_constructor_only_stores_keyword_options(cls):
    marks = {name: object() for name in cls.option_defaults()}
    instance = cls(**marks)
    assert instance.get_params() == marks
    kinds = {p.kind for n, p in inspect.signature(cls.__init__).parameters.items() if n != "self"}
    assert kinds <= {inspect.Parameter.KEYWORD_ONLY}
    assert set(vars(instance)) == set(marks)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.name)
def test_capabilities_are_well_formed_and_the_docstring_says_when_and_what(cls):
    can = cls.capabilities
    assert set(can.assumes) <= set(ASSUMPTIONS)
    assert can.extra in ("", *EXTRAS)
    assert can.assumes
    assert can.estimands[0] == cls().estimand
    for words in ("**Use it when**", "**Not when**", "**Assumes**", "Parameters", "Examples"):
        assert words in cls.__doc__, f"{cls.__name__} lacks {words}"
    documented = re.findall(r"^    (\w[\w, ]*) : ", cls.__doc__.split("Parameters")[1].split("Examples")[0], re.M)
    assert {n for part in documented for n in part.split(", ")} >= set(cls.option_defaults())


@pytest.mark.parametrize("cls", WITHOUT_EXTRA, ids=lambda c: c.name)
def test_a_method_whose_extra_is_not_installed_says_what_to_install(cls):
    with pytest.raises(MissingExtraError, match=rf"yinguo\[{cls.capabilities.extra}\]"):
        cls(**brief(cls)).fit(small(cls))


@pytest.mark.parametrize(("cls", "estimand"), PAIRS)
def test_fit_returns_self_and_a_result_that_tells_everything(cls, estimand):
    study = small(cls)
    instance = ready(cls, study, estimand=estimand) if "estimand" in cls.option_defaults() else ready(cls, study)
    assert instance.fit(study) is instance
    result = instance.result_
    assert result.method == cls.name
    assert result.estimand == estimand
    assert np.isfinite(result.estimate)
    assert cls.capabilities.trains or abs(result.estimate - 1.5) < 0.6
    assert (result.se is None) == (cls.capabilities.inference == "none")
    document = json.loads(json.dumps(result.to_dict()))
    assert document["estimate"] == result.estimate
    assert document["error"] is None
    keys = {"method", "estimand", "estimate", "se", "ci_low", "ci_high", "n", "diagnostics", "notes", "error"}
    assert keys <= set(document)
    assert estimand in result.summary()
    if result.scores is not None:
        assert result.scores.mean() == pytest.approx(result.estimate, rel=1e-6)
    if result.balance_weights is not None:
        for arm in (0.0, 1.0):
            assert result.balance_weights[arm == study.T].sum() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("cls", "estimand"), PAIRS)
def test_the_result_survives_pickling_without_the_data(cls, estimand):
    result = fitted(cls, small(cls), **_estimand(cls, estimand))
    again = pickle.loads(pickle.dumps(result))
    assert again.to_dict() == result.to_dict()
    assert again.study is None


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.name)
def test_a_second_fit_forgets_the_first_and_inputs_are_left_alone(cls):
    first, second = small(cls, 1), small(cls, 2)
    before = copy.deepcopy((first.X, first.T, first.Y))
    instance = ready(cls, second)
    fresh = instance.clone().fit(second).result_.estimate
    options = instance.get_params()
    instance.fit(first)
    assert instance.fit(second).result_.estimate == fresh
    assert all(instance.get_params()[k] is v for k, v in options.items())
    after = (first.X, first.T, first.Y)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.name)
def test_the_same_seed_gives_the_same_bytes_and_global_randomness_is_untouched(cls):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    a, b = (cls(**brief(cls)).fit(small(cls)).result_ for _ in range(2))
    assert a.estimate == b.estimate
    assert a.se == b.se
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.name)
def test_nothing_is_printed_and_no_file_appears(cls, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cls(**brief(cls)).fit(small(cls))
    assert capsys.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.name)
def test_what_a_method_cannot_do_is_refused_with_our_error(cls):
    study = small(cls)
    rng = np.random.default_rng(0)
    if "estimand" in cls.option_defaults():
        with pytest.raises(yg.NotIdentifiedError, match="QTE"):
            cls(estimand="QTE").fit(study)
    with pytest.raises(yg.DataError, match="takes a Study"):
        cls(**brief(cls)).fit(study.X)
    many = rebuilt(study, T=rng.integers(0, 3, study.n))
    if "multi-valued" not in cls.capabilities.treatment:
        with pytest.raises(yg.DataError, match="multi-valued"):
            cls(**brief(cls)).fit(many)
    if "binary" not in cls.capabilities.treatment:
        with pytest.raises(yg.DataError, match="is binary"):
            cls(**brief(cls)).fit(study.replace(T=(study.T > 0).astype(float)))
    for role, values in (("sample_weight", rng.random(study.n)), ("groups", clusters(cls, study))):
        other = rebuilt(study, **{role: values})
        if role in cls.capabilities.honours:
            assert np.isfinite(cls(**brief(cls)).fit(other).result_.estimate)
        else:
            with pytest.raises(yg.DataError, match=role):
                cls(**brief(cls)).fit(other)
    if "covariates" in cls.capabilities.needs:
        with pytest.raises(yg.DataError, match="covariates"):
            cls(**brief(cls)).fit(rebuilt(study, X=study.X[:, :0]))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.name)
def test_an_option_that_is_no_number_or_of_another_kind_is_refused_by_name(cls):
    study = small(cls)
    for name, default in cls.option_defaults().items():
        kind = type(default)
        if kind not in (bool, int, float, tuple) or name in ("bias_correction", "endogenous", "random_state"):
            continue  # names of columns, or a generator
        for bad in ("nonsense",) if kind is bool else (float("nan"), float("-inf"), "nonsense", -3):
            if name == "cost" and bad == -3:
                continue  # a treatment may save money
            with pytest.raises(yg.DataError, match=name):
                cls(**brief(cls) | {name: bad}).fit(study)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.name)
def test_hostile_tables_give_an_answer_or_our_error(cls):
    rng = np.random.default_rng(0)
    study = small(cls)
    one_arm = np.zeros(study.n)
    one_arm[0] = 1.0
    cases = {
        "one treated unit": (study.X, one_arm, study.Y),
        "two rows": (study.X[:2], [0.0, 1.0], study.Y[:2]),
        "more columns than rows": (rng.normal(size=(30, 60)), np.arange(30) % 2, rng.normal(size=30)),
        "collinear columns": (np.column_stack([study.X, study.X.sum(axis=1)]), study.T, study.Y),
        "separated arms": (np.column_stack([study.T * 10 + rng.random(study.n)]), study.T, study.Y),
        "constant outcome": (study.X, study.T, np.ones(study.n)),
        "huge scale": (study.X * 1e8 + 1e8, study.T, study.Y * 1e6),
    }
    for label, (X, T, Y) in cases.items():
        outcome = attempt(cls, lambda X=X, T=T, Y=Y: rebuilt(study, X, T, Y, rows=slice(len(Y))))
        if isinstance(outcome, YinguoError):
            assert len(str(outcome)) > 20, label
        else:
            assert np.isfinite(outcome.estimate), label
            assert outcome.se is None or outcome.se >= 0, label


def attempt(cls, make):
    """The result, or our own error; any other exception is a failure of the test."""
    try:
        return cls(**brief(cls)).fit(make()).result_
    except YinguoError as error:
        return error


# -- declared properties -----------------------------------------------------------------------------


@pytest.mark.parametrize(("cls", "estimand"), holding("row_order"))
def test_permuting_the_rows_changes_nothing(cls, estimand):
    study = small(cls)
    order = np.random.default_rng(5).permutation(study.n)
    assert_same(
        fitted(cls, study, **_estimand(cls, estimand)), fitted(cls, study.take(order), **_estimand(cls, estimand))
    )


@pytest.mark.parametrize(("cls", "estimand"), holding("outcome_affine"))
def test_an_affine_outcome_scales_the_estimate_and_the_error(cls, estimand):
    study = small(cls)
    options = _estimand(cls, estimand)
    plain, moved = fitted(cls, study, **options), fitted(cls, study.replace(Y=-3.0 * study.Y + 7.0), **options)
    # Folds follow the ranks of Y in `ready`; give the second fit the folds of the first.
    if "folds" in cls.option_defaults():
        options = options | brief(cls) | {"folds": ready(cls, study).folds}
        moved = cls(**options).fit(study.replace(Y=-3.0 * study.Y + 7.0)).result_
    assert moved.estimate == pytest.approx(-3.0 * plain.estimate, rel=TOLERANCE)
    if plain.se is not None:
        assert moved.se == pytest.approx(3.0 * plain.se, rel=TOLERANCE)


@pytest.mark.parametrize(("cls", "estimand"), holding("label_swap"))
def test_swapping_the_labels_flips_the_ate_and_turns_the_att_into_minus_the_atc(cls, estimand):
    study = small(cls)
    options = _estimand(cls, estimand)
    folds = {"folds": ready(cls, study).folds} if "folds" in cls.option_defaults() else {}
    mirrored = {"ATT": "ATC", "ATC": "ATT"}.get(estimand, estimand)
    plain = cls(**options, **folds, **brief(cls)).fit(study).result_
    swapped = cls(**_estimand(cls, mirrored), **folds, **brief(cls)).fit(study.replace(T=1 - study.T)).result_
    assert swapped.estimate == pytest.approx(-plain.estimate, rel=TOLERANCE)
    if plain.se is not None:
        assert swapped.se == pytest.approx(plain.se, rel=TOLERANCE)


@pytest.mark.parametrize(("cls", "estimand"), holding("covariate_affine"))
def test_an_invertible_affine_map_of_the_covariates_changes_nothing(cls, estimand):
    study = small(cls)
    A = np.array([[2.0, 1.0, 0.0], [0.0, -1.0, 3.0], [1.0, 0.0, 1.0]])
    options = _estimand(cls, estimand)
    assert_same(fitted(cls, study, **options), fitted(cls, study.replace(X=study.X @ A + [10.0, -5.0, 3.0]), **options))


@pytest.mark.parametrize(("cls", "estimand"), holding("covariate_scale"))
def test_rescaling_single_covariates_changes_nothing(cls, estimand):
    study = small(cls)
    options = _estimand(cls, estimand)
    assert_same(fitted(cls, study, **options), fitted(cls, study.replace(X=study.X * [10.0, 0.2, 3.0]), **options))


@pytest.mark.parametrize(("cls", "estimand"), holding("weights_repeat"))
def test_integer_sample_weights_equal_repeated_rows(cls, estimand):
    study = small(cls)
    counts = np.random.default_rng(3).integers(1, 4, study.n)
    weighted = rebuilt(study, sample_weight=counts)
    repeated = study.take(np.repeat(np.arange(study.n), counts))
    options = _estimand(cls, estimand) | brief(cls)
    folds = ready(cls, study).folds if "folds" in cls.option_defaults() else None
    more = {} if folds is None else {"folds": folds}
    again = {} if folds is None else {"folds": np.repeat(folds, counts)}
    a = cls(**options, **more).fit(weighted).result_.estimate
    b = cls(**options, **again).fit(repeated).result_.estimate
    assert a == pytest.approx(b, rel=TOLERANCE)


@pytest.mark.parametrize(("cls", "estimand"), holding("weights_constant"))
def test_a_common_factor_on_the_sample_weights_does_nothing(cls, estimand):
    study = small(cls)
    options = _estimand(cls, estimand)
    plain = fitted(cls, study, **options)
    seven = rebuilt(study, sample_weight=np.full(study.n, 7.0))
    assert_same(plain, fitted(cls, seven, **options))


#: Groups of a method for series over time are the series, and a row twice is a step twice: refused.
CLUSTERED = [c for c in CLASSES if "groups" in c.capabilities.honours and "time" not in c.capabilities.needs]


@pytest.mark.parametrize("cls", CLUSTERED, ids=lambda c: c.name)
def test_every_row_twice_under_one_group_leaves_the_standard_error_where_it_was(cls):
    study = small(cls)
    twice = study.take(np.repeat(np.arange(study.n), 2))
    grouped = rebuilt(twice, groups=np.repeat(np.arange(study.n), 2))
    if "folds" in cls.option_defaults():
        folds = ready(cls, study).folds
        one = cls(folds=folds, **brief(cls)).fit(study).result_
        two = cls(folds=np.repeat(folds, 2), **brief(cls)).fit(grouped).result_
    else:
        one, two = cls(**brief(cls)).fit(study).result_, cls(**brief(cls)).fit(grouped).result_
    assert two.estimate == pytest.approx(one.estimate, rel=TOLERANCE)
    # Divisors such as m - 1 see 2m rows in the second study: agreement to about 1/m, not to rounding.
    if one.se is not None:
        assert two.se == pytest.approx(one.se, rel=0.03)


@pytest.mark.parametrize(("cls", "estimand"), holding("instrument_affine"))
def test_an_invertible_affine_map_of_the_instruments_changes_nothing(cls, estimand):
    study = small(cls)
    options = _estimand(cls, estimand)
    moved = study.replace(Z=study.Z @ [[2.0, 1.0], [0.0, -3.0]] + [4.0, -1.0])
    assert_same(fitted(cls, study, **options), fitted(cls, moved, **options))


# -- what a learned effect promises ------------------------------------------------------------------


@pytest.mark.parametrize("cls", [c for c in CLASSES if c.capabilities.unit_effects != "no"], ids=lambda c: c.name)
def test_effects_of_units_are_told_for_seen_and_unseen_ones_and_refused_for_bad_tables(cls):
    study = small(cls)
    with pytest.raises(yg.DataError, match="not fitted"):
        ready(cls, study).effect(study.X)
    instance = ready(cls, study).fit(study)
    effects = instance.effect(study.X)
    assert effects.shape == (study.n,)
    assert np.array_equal(effects, instance.effects_)
    # Single rows and whole tables go through different matrix products, and networks compute in single precision.
    assert instance.effect(study.X[:7]) == pytest.approx(effects[:7], rel=1e-3, abs=1e-4)
    if type(instance)._means is not UnitEffects._means:
        gap = instance.predict(study.X, 1) - instance.predict(study.X, np.zeros(study.n))
        assert gap == pytest.approx(effects, rel=1e-6, abs=1e-9)
    for bad, word in ((study.X[:, :1], "columns"), (study.X * np.nan, "missing")):
        with pytest.raises(yg.DataError, match=word):
            instance.effect(bad)


LEARNERS = [c for c in CLASSES if issubclass(c, UnitEffects)]


@pytest.mark.parametrize("cls", LEARNERS, ids=lambda c: c.name)
def test_intervals_of_units_are_there_where_the_capabilities_say_so_and_refused_with_the_remedy_elsewhere(cls):
    study = small(cls)
    with pytest.raises(yg.DataError, match="not fitted"):
        ready(cls, study).effect_interval(study.X)
    promised = cls.capabilities.unit_effects != "without intervals"
    assert promised == (cls._effect_se is not UnitEffects._effect_se)
    if not promised or cls.intervals_with:
        with pytest.raises(yg.DataError, match="no valid interval") as refusal:
            ready(cls, study).fit(study).effect_interval(study.X)
        assert all(f"{name}={value!r}" in str(refusal.value) for name, value in cls.intervals_with.items())
    if promised:
        instance = ready(cls, study, **cls.intervals_with).fit(study)
        effects = instance.effect(study.X)
        (low, high), (lower, higher) = (instance.effect_interval(study.X, level) for level in (0.9, 0.99))
        for inner, outer in ((effects - low, effects - lower), (high - effects, higher - effects)):
            assert inner.shape == (study.n,)
            assert (inner >= 0).all()
            assert (outer > inner).any()
            assert outer == pytest.approx(inner * 2.5758293 / 1.6448536, rel=1e-6, abs=1e-12)
        with pytest.raises(yg.DataError, match="level"):
            instance.effect_interval(study.X, 95)
        with pytest.raises(yg.DataError, match="columns"):
            instance.effect_interval(study.X[:, :1])


TRAINED = [c for c in CLASSES if c.capabilities.unit_effects != "no" and c.capabilities.trains]


@pytest.mark.parametrize("cls", TRAINED, ids=lambda c: c.name)
def test_a_network_without_folds_averages_its_effects_and_gives_no_interval(cls):
    result = cls(**brief(cls), folds=None).fit(small(cls)).result_
    assert result.se is None
    assert "folds" in result.no_inference
    assert result.estimate == result.extras["mean_of_effects"]


# -- what a learned curve promises -------------------------------------------------------------------


@pytest.mark.parametrize("cls", [c for c in CLASSES if issubclass(c, StructuralEstimator)], ids=lambda c: c.name)
def test_a_learned_curve_predicts_takes_differences_and_averages_to_the_result(cls):
    study = small(cls)
    with pytest.raises(yg.DataError, match="not fitted"):
        ready(cls, study).predict(study.X, 0.0)
    instance = ready(cls, study).fit(study)
    high, low = instance.predict(study.X, 1.0), instance.predict(study.X, np.zeros(study.n))
    assert high.shape == (study.n,)
    assert np.array_equal(instance.effect(study.X, 0, 1), high - low)
    # Single rows and whole tables go through different matrix products, and networks compute in single precision.
    assert instance.predict(study.X[:7], 1.0) == pytest.approx(high[:7], rel=1e-4)
    if instance.result_.estimand == "ATE":
        assert instance.result_.estimate == pytest.approx(average_slope(instance.predict, study)[0], rel=1e-6)
        if study.treatment_kind == "binary":
            assert instance.result_.estimate == pytest.approx((high - low).mean(), rel=1e-6)
    for bad_X, bad_T, word in (
        (study.X[:, :1], 1.0, "columns"), (study.X, np.ones(3), "rows"), (study.X, np.nan, "missing"),
    ):  # fmt: skip
        with pytest.raises(yg.DataError, match=word):
            instance.predict(bad_X, bad_T)


def assert_same(a, b) -> None:
    """Two results agree in estimate and standard error."""
    assert a.estimate == pytest.approx(b.estimate, rel=TOLERANCE)
    if a.se is not None:
        assert a.se == pytest.approx(b.se, rel=TOLERANCE)


def _estimand(cls, estimand: str) -> dict:
    return {"estimand": estimand} if "estimand" in cls.option_defaults() else {}
