"""What rules and segments are worth: definitions, coverage, honesty, words."""

import numpy as np
import pytest
from judging_toys import trial

import yinguo as yg
from yinguo.diagnose import effect_scores, effect_segments, policy_tree, policy_value
from yinguo.diagnose.leaf_words import describe_leaves
from yinguo.kernels.small_trees import SmallTree


def shop(n: int = 2000, seed: int = 0, effect=None):
    """Scores of customers: mailing gains 1 from recent buyers of women's wear, costs 0.3 elsewhere."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.integers(1, 13, n), rng.integers(0, 2, n), rng.integers(0, 2, n), rng.normal(size=n)])
    X = X.astype(float)
    tau = np.where((X[:, 0] <= 6) & (X[:, 1] == 1), 1.0, -0.3) if effect is None else np.full(n, effect)
    return X, tau, tau + 2 * rng.normal(size=n)


NAMES = ("recency", "womens", "channel=Web", "spend")


# -- value of a rule ---------------------------------------------------------------------------------


def test_the_value_is_the_mean_net_score_of_those_treated():
    psi, treat = np.array([1.0, 2.0, -3.0, 4.0]), np.array([True, False, True, True])
    found = policy_value(psi, treat, cost=0.5)
    assert found.over_none.estimate[0] == pytest.approx((0.5 - 3.5 + 3.5) / 4)
    assert found.over_all.estimate[0] == pytest.approx(-1.5 / 4)
    assert found.all_over_none.estimate[0] == pytest.approx(0.5)
    assert found.over_none.estimate[0] - found.over_all.estimate[0] == pytest.approx(found.all_over_none.estimate[0])
    assert found.share == 0.75


def test_the_intervals_of_a_value_cover():
    rng, covered = np.random.default_rng(1), []
    for seed in rng.integers(2**31, size=1000):
        X, _, psi = shop(400, seed)
        found = policy_value(psi, X[:, 0] <= 6, cost=0.1)
        # Half of the recent ones gain 1, half lose 0.3.
        covered.append(found.over_none.low[0] <= 0.5 * (0.35 - 0.1) <= found.over_none.high[0])
    assert 0.93 <= np.mean(covered) <= 0.97


def test_clusters_widen_the_interval_of_a_value():
    X, _, psi = shop(500)
    twice = np.repeat(np.arange(500), 2)
    one, two = policy_value(psi, X[:, 1]), policy_value(psi[twice], X[twice, 1], groups=twice)
    assert two.over_none.se == pytest.approx(one.over_none.se, rel=0.01)


def test_a_rule_is_judged_against_the_better_of_all_and_none():
    _, tau, psi = shop(4000)
    assert policy_value(psi, tau > 0).diagnostic.verdict == "ok"
    assert policy_value(psi, tau < 0).diagnostic.verdict == "stop"
    everybody = policy_value(psi + 2, np.ones(4000))
    assert "everybody" in everybody.diagnostic.sentence
    assert "treating everybody" in policy_value(psi + 2, tau > 0).diagnostic.sentence
    with pytest.raises(yg.DataError, match="one decision"):
        policy_value(psi, tau)


# -- the tree ----------------------------------------------------------------------------------------


def test_the_rule_behind_the_scores_is_found_and_told_in_words():
    X, _, psi = shop(6000)
    found = policy_tree(psi, X, drawn=np.arange(6000) % 2 == 0, names=NAMES)
    assert "treat if recency <= 6 and womens = 1" in " | ".join(found.lines)
    assert found.treat([[3.0, 1, 0, 0.0], [9.0, 1, 0, 0.0], [3.0, 0, 1, 0.0]] @ np.eye(4)).tolist() == [
        True,
        False,
        False,
    ]
    assert found.value.over_none.low[0] < 0.25 < found.value.over_none.high[0]
    assert found.diagnostic.verdict == "ok"
    assert found.share.sum() == pytest.approx(1)


def test_the_worth_told_is_not_flattered_by_the_search():
    """Nobody gains: on its own rows the best tree seems to, on the others it does not."""
    own, honest, covered = [], [], []
    for seed in range(60):
        X, _, psi = shop(300, seed, effect=0.0)
        drawn = np.arange(300) % 2 == 0
        found = policy_tree(psi, X, drawn=drawn, names=NAMES)
        own.append(policy_value(psi[drawn], found.treat(X[drawn])).over_none.estimate[0])
        honest.append(found.value.over_none.estimate[0])
        covered.append(found.value.over_none.low[0] <= 0 <= found.value.over_none.high[0])
    assert np.mean(own) > 0.15
    assert abs(np.mean(honest)) < 4 * np.std(honest) / np.sqrt(60)
    assert np.mean(covered) >= 0.87


def test_a_cost_moves_the_rule():
    X, _, psi = shop(4000)
    drawn = np.arange(4000) % 2 == 0
    free, dear = (policy_tree(psi, X, drawn=drawn, cost=c) for c in (-5.0, 5.0))
    assert free.treat(X).all()
    assert not dear.treat(X).any()
    assert free.lines[0].startswith("treat everybody: effect")
    assert dear.lines[0].startswith("treat nobody: effect")


# -- segments ----------------------------------------------------------------------------------------


def test_segments_are_ranked_and_their_joint_intervals_cover():
    covered, places = [], []
    for seed in range(100):
        X, tau, psi = shop(1200, seed)
        found = effect_segments(psi, X, drawn=np.arange(1200) % 2 == 0, names=NAMES)
        # The truth of every segment as it was drawn, in the population of this design.
        place = found.of(X)
        truth = np.array([tau[place == k].mean() for k in range(len(found.rules))])
        covered.append(((found.effects.low_all <= truth) & (truth <= found.effects.high_all)).all())
        places.append(found.rules[0])
        assert (np.diff(found.effects.estimate) <= 0).all()
    assert 0.9 <= np.mean(covered) <= 0.99
    assert np.mean([p == "recency <= 6 and womens = 1" for p in places]) > 0.3


def test_segments_drawn_by_a_learner_are_better_than_those_drawn_by_scores():
    hits = {"scores": 0, "learner": 0}
    for seed in range(20):
        X, tau, psi = shop(600, seed)
        for how, target in (("scores", None), ("learner", tau)):
            found = effect_segments(psi, X, drawn=np.arange(600) % 2 == 0, names=NAMES, target=target)
            hits[how] += found.rules[0] == "recency <= 6 and womens = 1"
    assert hits["learner"] == 20
    assert hits["scores"] < 15


def test_no_difference_is_said():
    verdicts = []
    for seed in range(40):
        X, _, psi = shop(600, seed, effect=0.5)
        verdicts.append(effect_segments(psi, X, drawn=np.arange(600) % 2 == 0).diagnostic.verdict)
    assert verdicts.count("ok") <= 6
    flat = effect_segments(psi, np.ones((600, 2)), drawn=np.arange(600) % 2 == 0)
    assert flat.rules == ("everybody",)
    assert flat.diagnostic.verdict == "look"


def test_too_few_rows_are_said():
    X, _, psi = shop(40)
    with pytest.raises(yg.DataError, match="both sides"):
        effect_segments(psi, X, drawn=np.arange(40) < 2)
    with pytest.raises(yg.DataError, match=r"smallest is 0\.9"):
        effect_segments(psi, X, drawn=np.arange(40) < 20, smallest=0.9)
    with pytest.raises(yg.DataError, match="smallest is 0"):
        policy_tree(psi, X, drawn=np.arange(40) < 20, smallest=0)


# -- words -------------------------------------------------------------------------------------------


def test_leaves_are_told_as_a_person_would():
    leaf = SmallTree()
    tree = SmallTree(0, 6.0, SmallTree(0, 2.0, leaf, leaf), SmallTree(2, 0.0, leaf, SmallTree(1, 0.0, leaf, leaf)))
    X, _, _ = shop(50)
    assert describe_leaves(tree, NAMES, X) == (
        "recency <= 2",
        "2 < recency <= 6",
        "recency > 6 and channel is not Web",
        "recency > 6 and womens = 0 and channel is Web",
        "recency > 6 and womens = 1 and channel is Web",
    )
    assert describe_leaves(leaf, NAMES, X) == ("everybody",)


def test_on_a_study_the_segments_split_on_what_moves_the_effect():
    study = trial(3000, het=1.0)
    scores = effect_scores(study)
    found = effect_segments(scores.psi, study.X, drawn=scores.folds < 2, names=study.covariates, depth=1)
    assert len(found.rules) == 2
    assert all("recency" in rule for rule in found.rules)
    assert found.diagnostic.verdict == "ok"
