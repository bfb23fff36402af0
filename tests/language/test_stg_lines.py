"""Reference lines of the game: the figures of independent code, to three digits."""

import pytest

from yinguo.errors import DataError
from yinguo.language.stg import CAUSAL, NAMES, SPURIOUS, stg_split
from yinguo.language.stg_lines import LogisticLine, MajorityLine, NearestRow

TESTS = ("test-iid", "test-ood")
#: Accuracy at high against the rest, own law and shifted, for 400, 800 and 1,600 training rows.
LINES = {
    "causes": (LogisticLine(names=CAUSAL), ((0.993, 0.993), (0.995, 1.0), (1.0, 1.0))),
    "companions": (LogisticLine(names=SPURIOUS), ((0.970, 0.625), (0.963, 0.628), (0.968, 0.625))),
    "all": (LogisticLine(names=NAMES), ((0.990, 0.718), (0.993, 0.723), (0.998, 0.735))),
    "nearest": (NearestRow(), ((0.925, 0.713), (0.935, 0.728), (0.930, 0.743))),
}


@pytest.mark.parametrize("name", LINES)
def test_lines_have_the_known_accuracies_to_three_digits(name):
    line, known = LINES[name]
    for size, expected in zip("sml", known, strict=True):
        line.fit(stg_split(f"train-{size}"))
        for split, accuracy in zip(TESTS, expected, strict=True):
            rows = stg_split(split)
            right = [(told == "High Risk") == (row.label == "High Risk")
                     for told, row in zip(line.predict(rows), rows, strict=True)]  # fmt: skip
            # 400 rows: half of one row is a rounding of the third digit.
            assert sum(right) / 400 == pytest.approx(accuracy, abs=5.1e-4)


def test_the_constant_says_low_risk():
    line = MajorityLine().fit(stg_split("train-s"))
    for split, accuracy in zip(TESTS, (0.6875, 0.665), strict=True):
        rows = stg_split(split)
        assert sum(told == row.label for told, row in zip(line.predict(rows), rows, strict=True)) / 400 == accuracy


def test_the_nearest_row_is_the_one_of_a_slow_search():
    train, test = stg_split("train-s")[:60], stg_split("test-ood")[:40]

    def distance(first, second):
        return sum((dict(first.items)[name] - dict(second.items)[name]) ** 2 for name in NAMES)

    slow = [min(train, key=lambda row, other=other: distance(row, other)).label for other in test]
    told = NearestRow().fit(train).predict(test)
    assert [label == "High Risk" for label in slow] == [label == "High Risk" for label in told]


def test_an_item_that_is_not_in_the_game_is_refused():
    with pytest.raises(DataError, match="Height"):
        LogisticLine(names=("Height",)).fit(stg_split("train-s"))


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        (lambda rows: MajorityLine().fit([]), "no training rows"),
        (lambda rows: NearestRow().fit([]), "at least one"),
        (lambda rows: LogisticLine().fit(rows[:1]), "has one value in all 1 rows"),
        (lambda rows: LogisticLine().fit([row for row in rows if row.label == "Low Risk"]), "rows of both sides"),
        (lambda rows: LogisticLine().predict(rows), "not fitted"),
        (lambda rows: NearestRow().predict(rows), "not fitted"),
    ],
)
def test_rows_that_draw_no_line_are_refused(fit, words):
    with pytest.raises(DataError, match=words):
        fit(stg_split("train-s"))
