"""What the base class checks and fills in for every method."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.core.capabilities import Capabilities
from yinguo.core.estimator import Estimator


class Mean(Estimator):
    """Difference of means, to see what the base does."""

    capabilities = Capabilities(needs=(), outcome=("continuous",), estimands=("ATE", "ATT"), inference="none")

    def __init__(self, *, estimand="ATE", size=1.0):
        self.estimand = estimand
        self.size = size

    def fit(self, study):
        Y, T, _ = self.take(study)
        gap = Y[T == 1].mean() - Y[T == 0].mean()
        self.result_ = self.make_result(study, gap, no_inference="none here.", notes=("a note.",), n=7)
        return self


class Single(Mean):
    """One estimand, no option for it."""

    name = "only-one"
    capabilities = Capabilities(needs=(), estimands=("LATE",), inference="none")

    def __init__(self):
        pass


def small(**roles) -> yg.Study:
    n = 20
    given = {"X": np.arange(n), "T": np.arange(n) % 2, "Y": np.arange(n) ** 1.5} | roles
    return yg.Study.from_arrays(given.pop("X"), given.pop("T"), given.pop("Y"), **given)


def test_names_come_from_the_class_unless_given():
    assert Mean.name == "mean"
    assert Single.name == "only-one"


def test_options_are_read_changed_and_cloned():
    method = Mean(size=3.0)
    assert Mean.option_defaults() == {"estimand": "ATE", "size": 1.0}
    assert method.get_params() == method.get_params(deep=False) == {"estimand": "ATE", "size": 3.0}
    copy = method.clone()
    assert copy is not method
    assert copy.get_params() == method.get_params()
    assert method.set_params(size=4.0) is method
    assert (method.size, copy.size) == (4.0, 3.0)
    with pytest.raises(yg.DataError, match=r"Mean has no option 'sise'; it has \['estimand', 'size'\]"):
        method.set_params(sise=1)


def test_the_defaults_handed_out_are_a_copy():
    Mean.option_defaults()["size"] = 99.0
    assert Mean.option_defaults()["size"] == 1.0
    assert Single.option_defaults() == {}


def test_the_representation_shows_what_was_changed():
    assert repr(Mean()) == "Mean()"
    assert repr(Mean(size=2.0)) == "Mean(size=2.0)"
    assert "folds=array" in repr(yg.AIPW(folds=np.zeros(2)))


def test_scikit_learn_can_clone_it():
    from sklearn.base import clone

    assert clone(yg.AIPW(folds=3)).folds == 3


def test_a_method_with_one_estimand_has_it_without_an_option():
    assert Single().estimand == "LATE"
    assert Single().fit(small()).result_.estimand == "LATE"


def test_the_result_carries_settings_decisions_and_unused_roles():
    study = small(T=np.arange(20) % 2 + 1, time=np.arange(20), environment=np.arange(20) % 2)
    result = Mean(size=5.0).fit(study).result_
    assert result.settings["class"] == "Mean"
    assert result.settings["options"] == {"estimand": "ATE", "size": 5.0}
    assert result.settings["version"] == yg.__version__
    assert result.notes[:2] == (study.decisions[0], "a note.")
    assert [note.split(" (")[0] for note in result.notes[2:]] == ["the role environment", "the role time"]
    assert result.n == 7
    assert isinstance(result.estimate, float)


@pytest.mark.parametrize(
    ("study", "error", "message"),
    [
        (np.ones((3, 2)), yg.DataError, "Mean.fit takes a Study, not a ndarray"),
        (small(T=np.arange(20) % 3), yg.DataError, r"is multi-valued \(3 values: 0, 1, 2\); Mean needs a binary"),
        (small(Y=np.arange(20) % 2), yg.DataError, "outcome 'y' is binary; Mean needs"),
        (small(groups=np.arange(20)), yg.DataError, r"Mean does not support groups \('groups'\)"),
        (small(sample_weight=np.ones(20)), yg.DataError, "Mean does not support sample_weight"),
        (small(T=np.arange(20) == 3), yg.DataError, r"the treated arm of 't' has 1 row\(s\) \(of 20\)"),
        (small(T=np.arange(20) != 3), yg.DataError, r"the control arm of 't' has 1 row\(s\)"),
    ],
)
def test_what_a_method_cannot_do_is_refused_with_what_was_met(study, error, message):
    with pytest.raises(error, match=message):
        Mean().fit(study)


def test_an_estimand_not_offered_is_not_identified():
    with pytest.raises(yg.NotIdentifiedError, match="Mean estimates ATE, ATT, not 'ATC'"):
        Mean(estimand="ATC").fit(small())


def test_a_role_that_is_needed_must_be_there():
    with pytest.raises(yg.DataError, match="IPW needs covariates; the study has none"):
        yg.IPW().fit(small(X=np.empty((20, 0))))


def test_weights_put_in_by_replacing_are_seen_too():
    with pytest.raises(yg.DataError, match="does not support sample_weight"):
        Mean().fit(small().replace(sample_weight=np.arange(20) + 1.0))


def test_an_outcome_missing_by_selection_is_not_averaged_over():
    Y = np.arange(20) * 1.0
    Y[3] = np.nan
    study = small(Y=Y, S=(np.arange(20) != 3) * 1.0)
    with pytest.raises(
        yg.DataError, match="outcome 'y' is missing where 's' is 0; Mean does not correct for selection"
    ):
        Mean().fit(study)


class Corrected(Mean):
    capabilities = Capabilities(needs=("selection",))


def test_a_method_for_selection_needs_outcomes_that_are_missing_and_some_that_are_not():
    Y = np.arange(20) * 1.0
    with pytest.raises(yg.DataError, match="'s' is 1 in all 20 rows"):
        Corrected().fit(small(Y=Y, S=np.ones(20)))
    with pytest.raises(yg.DataError, match="'s' is 1 in 1 of 20 rows"):
        Corrected().fit(small(Y=np.where(Y == 3, Y, np.nan), S=(Y == 3) * 1.0))
    T = np.arange(20) % 2
    with pytest.raises(yg.DataError, match=r"treated arm of 't' has 0 row\(s\) \(of 20\) with an outcome"):
        Corrected().fit(small(T=T, Y=np.where(T == 0, Y, np.nan), S=1.0 - T))


def test_a_class_without_fit_says_so():
    class Unfinished(Estimator):
        capabilities = Capabilities()

    with pytest.raises(NotImplementedError, match="Unfinished does not define fit"):
        Unfinished().fit(small())
