"""Scores of answers, and the constant beside them."""

import pytest

from yinguo.errors import DataError
from yinguo.language.answers import score_answers
from yinguo.language.stg import stg_split

TARGETS = ["a"] * 6 + ["b"] * 3 + ["c"]


def test_a_constant_scores_its_share_and_one_over_the_number_of_classes_when_balanced():
    score = score_answers(["a"] * 10, TARGETS)
    assert (score.accuracy, score.majority, score.majority_accuracy) == (0.6, "a", 0.6)
    assert score.balanced_accuracy == pytest.approx(1 / 3)
    assert score_answers(["a"] * 10, TARGETS, classes=("a", "b")).balanced_accuracy == 0.5


def test_balanced_accuracy_is_the_mean_of_the_recalls_and_accuracy_their_weighted_mean():
    answers = ["a", "a", "a", "b", "b", "b", "b", "b", "a", "c"]
    score = score_answers(answers, TARGETS)
    assert score.recalls == {"a": 0.5, "b": pytest.approx(2 / 3), "c": 1.0}
    assert score.balanced_accuracy == pytest.approx((0.5 + 2 / 3 + 1) / 3)
    assert score.accuracy == 0.6
    assert score.se == pytest.approx((0.6 * 0.4 / 10) ** 0.5)


def test_spaces_and_types_do_not_matter_but_anything_else_does():
    assert score_answers([" High Risk\n", 8, "8.0"], ["High Risk", "8", 8]).accuracy == pytest.approx(2 / 3)


def test_always_low_risk_is_right_in_two_thirds_of_the_shifted_rows_of_the_game():
    targets = [row.label for row in stg_split("test-ood")]
    score = score_answers(["Low Risk"] * 400, targets, majority="Low Risk")
    assert (score.majority_accuracy, score.balanced_accuracy) == (0.665, 0.5)
    assert "accuracy 66.5 % ± 2.4 (always 'Low Risk': 66.5 %), balanced accuracy 50.0 %" in score.summary()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([], []), {}, "0 answers and 0 targets"),
        ((["a"], ["a", "b"]), {}, "1 answers and 2 targets"),
        ((["a"], ["a"]), {"classes": ("z",)}, "no target is 'z'; the targets are 'a'"),
    ],
)
def test_answers_without_targets_are_refused(arguments, options, message):
    with pytest.raises(DataError, match=message):
        score_answers(*arguments, **options)


@pytest.mark.parametrize(
    ("answers", "targets", "words"),
    [
        ("yes", "yes", "answers is 'yes'; give a list"),
        (None, ["yes"], "answers is None"),
        (["nan", "a"], [float("nan"), "a"], "1 targets are missing, the first is target 0"),
        (["None"], [None], "1 targets are missing"),
    ],
)
def test_a_text_in_place_of_a_list_and_missing_targets_are_refused(answers, targets, words):
    with pytest.raises(DataError, match=words):
        score_answers(answers, targets)


def test_spaces_around_the_label_of_the_constant_do_not_count():
    assert score_answers(["no", "no"], ["no", "yes"], majority=" no").majority_accuracy == 0.5
