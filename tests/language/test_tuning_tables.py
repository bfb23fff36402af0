"""The two tables that tune the small instruction model, with a tiny decoder in its place."""

import os

import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("peft")

from tiny_models import tiny_checkpoint

from yinguo.bench import math_draw, stg_tuning_draw, table
from yinguo.bench.math_tuning_rows import PairedMathTuning
from yinguo.bench.stg_tuning_rows import AlwaysLow, STGTuning

STG, MATH = table("stg-smollm2"), table("math-transfer")

needs_problems = pytest.mark.skipif(not os.environ.get("YINGUO_DATA"), reason="the word problems do not come along")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A decoder with random weights where a checkpoint is expected."""
    path = tmp_path_factory.mktemp("tiny")
    tiny = tiny_checkpoint()
    tiny.model.save_pretrained(path)
    tiny.tokenizer.save_pretrained(path)
    return str(path)


def test_the_game_is_tuned_on_and_measured(folder):
    drawn = stg_tuning_draw.draw(np.random.default_rng(0), size="s", test=12, train=16)
    fitted = STGTuning(checkpoint=folder, gamma=1.0, random_state=1).fit(drawn.study)
    assert len(fitted.tuning_.history_) == 2
    found = stg_tuning_draw.measure(fitted, drawn)
    assert set(found) == {*STG.measures, "causal mass"}
    assert 0 < found["causal mass"] < 1
    assert all(0 <= found[name] <= 100 for name in STG.measures)


def test_the_oracle_sees_the_causes_alone(folder):
    drawn = stg_tuning_draw.draw(np.random.default_rng(0), size="s", test=4, train=8)
    fitted = STGTuning(checkpoint=folder, oracle=True).fit(drawn.study)
    shown = "".join(fitted.tuning_.after_[0].tokens)
    assert "Smoking" in shown
    assert not any(name in shown for name in ("Yellow", "Clothing", "Hormones", "gene", "Room"))
    assert len(fitted.answer(drawn.extras["ood"])) == 4


def test_the_constant_is_right_as_often_as_its_label_occurs():
    drawn = stg_tuning_draw.draw(np.random.default_rng(0), size="s")
    found = stg_tuning_draw.measure(AlwaysLow().fit(drawn.study), drawn)
    for name in ("iid", "ood"):
        share = np.mean([row.label == "Low Risk" for row in drawn.extras[name]])
        assert found[f"{name.upper()} accuracy"] == pytest.approx(100 * share)
        assert found[f"{name.upper()} balanced"] == 50


def test_methods_of_a_draw_meet_the_same_test_rows_and_seeds_meet_others():
    one, same, other = (stg_tuning_draw.draw(np.random.default_rng(k), size="m", test=50) for k in (0, 0, 1))
    assert one.extras == same.extras
    assert one.extras["ood"] != other.extras["ood"]
    assert len(one.study) == 800


@needs_problems
@pytest.mark.parametrize("name", math_draw.SETS)
def test_no_problem_is_both_learned_and_asked(name):
    drawn = math_draw.draw(np.random.default_rng(3), name=name)
    learned, asked = ({p.question for p in problems} for problems in (drawn.study, drawn.extras["test"]))
    assert (len(learned), len(asked)) == (len(drawn.study), len(drawn.extras["test"]))
    assert not learned & asked
    assert max(len(question.split()) for question in learned | asked) <= 45


@needs_problems
def test_both_arms_are_tuned_from_one_start_and_compared_problem_by_problem(folder):
    drawn = math_draw.draw(np.random.default_rng(0), name="svamp", train=16, test=6)
    same = PairedMathTuning(checkpoint=folder, gamma=0.0, random_state=2).fit(drawn.study)
    found = math_draw.measure(same, drawn)
    # At gamma 0 the second arm is the first.
    assert (found["gained"], found["lost"], found["p"], found["log-probability"]) == (0, 0, 1, 0)
    assert found["CAT, attention mass"] == found["plain, attention mass"]
    other = math_draw.measure(PairedMathTuning(checkpoint=folder, gamma=50.0, random_state=2).fit(drawn.study), drawn)
    assert other["log-probability"] != 0
    assert set(MATH.measures) <= set(other)


def test_mcnemar_agrees_with_the_binomial_by_hand():
    assert math_draw.mcnemar_p(1, 4) == pytest.approx(2 * (1 + 5) / 32)
    assert math_draw.mcnemar_p(0, 0) == 1
