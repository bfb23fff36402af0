"""ShadowCatcher: the shadow variable is found, impostors are rejected, and what cannot be told is said."""

import numpy as np
import pytest

import yinguo as yg
from yinguo.datasets import collider_design
from yinguo.selection.shadow_search import search


def verdicts(draw) -> dict[str, str]:
    return {c.name: c.verdict for c in search(draw.study, draw.study.covariates)}


def test_the_strongest_shadow_variable_is_chosen_and_the_impostor_rejected():
    chosen, rejected = [], []
    for seed in range(5):
        found = verdicts(collider_design(beta=1, n=5000, random_state=seed))
        chosen += [name for name, verdict in found.items() if verdict == "chosen"]
        rejected.append(found["x1"] == "rejected")
    assert chosen.count("x5") >= 4
    assert "x1" not in chosen
    assert all(rejected)


@pytest.mark.slow
def test_over_200_draws_valid_candidates_are_rejected_at_the_level_and_the_impostor_always():
    rejected: dict[str, list[bool]] = {f"x{j}": [] for j in range(1, 6)}
    own: dict[str, list[bool]] = {f"x{j}": [] for j in range(1, 6)}
    chosen = []
    for seed in range(200):
        study = collider_design(beta=1, n=5000, random_state=5000 + seed).study
        for candidate in search(study, study.covariates):
            if candidate.p_value is not None:
                rejected[candidate.name].append(candidate.p_value < 0.05)
            if candidate.own_p_value is not None:
                own[candidate.name].append(candidate.own_p_value < 0.05)
            if candidate.verdict == "chosen":
                chosen.append(candidate.name)
    assert chosen.count("x5") >= 190
    assert "x1" not in chosen
    assert np.mean(rejected["x1"]) > 0.95
    valid = np.concatenate([rejected[name] for name in ("x2", "x3", "x4")])
    assert 0.02 < valid.mean() < 0.08
    # The moments of one candidate alone hold their level, and see next to nothing of the impostor.
    assert np.mean(own["x5"]) < 0.09
    assert np.mean(own["x1"]) < 0.25


def test_the_average_is_that_of_shadow_variable_with_the_one_chosen():
    draw = collider_design(beta=1, n=4000)
    found = yg.ShadowCatcher().fit(draw.study)
    assert found.shadow_ == "x5"
    named = yg.ShadowVariable().fit(collider_design(beta=1, n=4000, shadow=True).study)
    assert found.result_.estimate == pytest.approx(named.result_.estimate, rel=1e-9)
    assert found.result_.se == pytest.approx(named.result_.se, rel=1e-9)
    assert found.effect(draw.study.X).mean() == pytest.approx(draw.truth["ATE"], abs=0.1)
    assert {c["name"]: c["verdict"] for c in found.result_.extras["candidates"]}["x1"] == "rejected"
    agree = next(d for d in found.result_.diagnostics if d.name == "candidates that agree")
    assert agree.verdict == "ok"


def test_two_candidates_that_contradict_each_other_leave_it_on_trust():
    study = collider_design(beta=1, n=5000).study
    found = yg.ShadowCatcher(candidates=["x1", "x5"]).fit(study)
    said = next(d for d in found.result_.diagnostics if d.name == "candidates that agree")
    assert said.verdict == "stop"
    assert "taken on trust" in said.sentence


def test_irrelevant_candidates_are_left_out_and_none_left_is_refused():
    draw = collider_design(beta=1, n=3000)
    noise = np.random.default_rng(0).normal(size=(3000, 1))
    study = draw.study.replace(X=np.column_stack([draw.study.X, noise]), covariates=(*draw.study.covariates, "noise"))
    assert {c.name: c.verdict for c in search(study, study.covariates)}["noise"] == "irrelevant"
    with pytest.raises(yg.NotIdentifiedError, match="none of the 1 candidates"):
        yg.ShadowCatcher(candidates=["noise"]).fit(study)
    with pytest.raises(yg.DataError, match="'age' is not a covariate"):
        yg.ShadowCatcher(candidates=["age"]).fit(study)
    with pytest.raises(yg.DataError, match="variant is 'gan'"):
        yg.ShadowCatcher(variant="gan").fit(study)


def test_the_published_form_trains_tests_in_rounds_and_gives_no_interval():
    study = collider_design(beta=1, n=300).study
    found = yg.ShadowCatcher(variant="paper", epochs=2, rounds=2, threshold=0.0, balance_strength=0.0).fit(study)
    assert len(found.curves_.tests) == 2
    assert "never passed" in found.result_.notes[-1]
    assert found.result_.se is None
    assert found.effect(study.X[:3]) == pytest.approx(found.effects_[:3], rel=1e-3, abs=1e-4)
    again = found.fit(study)  # from networks to moments and back, nothing is left behind
    assert again.set_params(variant="moment").fit(study).result_.se is not None
