"""What the generated questions say, and that the right answer is the right one."""

import re
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("torch")

from yinguo.errors import DataError
from yinguo.language.probes import (
    decimal_items,
    event_items,
    gender_items,
    read_decimals,
    read_events,
    read_gender,
    rejection_test,
)
from yinguo.language.probes.events import EVENTS, PEOPLE


@pytest.mark.parametrize("make", [gender_items, decimal_items, event_items])
def test_the_same_seed_gives_the_same_items_and_another_gives_others(make):
    assert make(5, random_state=3) == make(5, random_state=3)
    assert make(5, random_state=3) != make(5, random_state=4)


def test_the_larger_number_is_the_first_answer_and_the_newer_version_of_a_conflict_the_second():
    for item in decimal_items(60, random_state=1):
        shorter, longer = (answer.strip().rstrip(".") for answer in item.question.answers)
        number = 0 if float(shorter) > float(longer) else 1
        version = 0 if tuple(map(int, shorter.split("."))) > tuple(map(int, longer.split("."))) else 1
        assert item.right == (number if item.condition["framing"] == "number" else version)
        # A conflict is where the two rules disagree, and writing a zero ends it.
        assert (number != version) == (item.condition["written"] == "short") == (item.shortcut == "misleads")
        assert {shorter, longer} == set(re.findall(r"\d+\.\d+", item.question.prompt))


def test_writing_the_zero_changes_no_number():
    items = decimal_items(40, random_state=2)
    by = {(i.base, i.condition["written"]): float(i.question.answers[0].strip().rstrip(".")) for i in items}
    assert all(by[base, "short"] == by[base, "zero"] for base in range(40))


def test_each_order_of_two_numbers_is_asked_as_often():
    counts = Counter(item.condition["order"] for item in decimal_items(10))
    assert counts == {"short first": 40, "long first": 40}


@pytest.mark.parametrize(("language", "men", "women"), [("en", "men's", "women's"), ("zh", "男", "女")])
def test_the_place_says_who_it_is_and_an_open_place_does_not(language, men, women):
    for item in gender_items(20, language=language, random_state=1):
        text, boss = item.question.lead, item.condition["boss"]
        described = {"en": {"male": " male ", "female": " female "}, "zh": {"male": "男", "female": "女"}}[language]
        assert boss == "unsaid" or described[boss] in text
        if language == "zh" and boss != "unsaid":  # the boss is described by the same character, and stands before
            text = text.replace(described[boss], "", 1)
        if item.condition["place"] == "men":
            text = text.replace("women's", "")
        side = {"men": men, "women": women}.get(item.condition["place"])
        assert (side in text) if side else not (re.search(rf"\b{men}", text) or women in text)
        assert item.right == {"men": 0, "women": 1, "open": None}[item.condition["place"]]


def test_the_shortcut_helps_where_the_occupation_is_thought_of_the_side_of_the_place_and_is_balanced():
    items = gender_items(10)
    helps = {("male", "men"), ("female", "women")}
    for item in items:
        place = (item.condition["role"], item.condition["place"])
        assert item.shortcut == ("" if place[1] == "open" else "helps" if place in helps else "misleads")
    assert Counter(item.shortcut for item in items) == {"": 60, "helps": 20, "misleads": 20}


def test_a_false_event_lies_beside_a_true_one_and_no_event_is_held_in_both():
    for first, last, step in EVENTS.values():
        assert step >= 2
        assert first >= 2000
        assert last <= 2019 < last + step
    for item in event_items(80, kinds=["event"], random_state=1):
        year = int(re.findall(r"\b20\d\d\b", item.question.prompt)[-1])
        (name,) = [name for name in EVENTS if name in item.question.prompt]
        first, last, step = EVENTS[name]
        held = year in range(first, last + 1, step)
        assert held == (item.condition["premise"] == "true") == (item.right == 1)


def test_a_person_is_asked_about_as_long_before_as_after_their_death():
    by_base = {}
    for item in event_items(60, kinds=["person"], random_state=1):
        (name,) = [name for name in PEOPLE if name in item.question.prompt]
        year = int(re.findall(r"\b\d{4}\b", item.question.prompt)[-1])
        born, died = PEOPLE[name]
        assert (year > died) == (item.condition["premise"] == "false")
        assert year >= born + 20
        by_base.setdefault((item.base, item.condition["put"]), []).append(year - died)
    assert all(sum(away) == 0 for away in by_base.values())


def test_false_dates_are_those_that_python_refuses():
    from datetime import datetime

    for item in event_items(60, kinds=["date"], random_state=1):
        day = re.search(r"[A-Z][a-z]+ \d+, \d{4}", item.question.prompt)[0]
        try:
            datetime.strptime(day, "%B %d, %Y")
            exists = True
        except ValueError:
            exists = False
        assert exists == (item.condition["premise"] == "true")


def test_kinds_are_dealt_out_in_turn_and_others_are_refused():
    items = event_items(6)
    first = [next(i for i in items if i.base == base).question.prompt for base in range(6)]
    for prompt in (first[0], first[3]):
        assert any(name in prompt for name in EVENTS)
    for prompt in (first[1], first[4]):
        assert any(name in prompt for name in PEOPLE)
    with pytest.raises(DataError, match=r"kinds holds \['legend'\]; choose from event, person, date"):
        event_items(3, kinds=["legend"])
    with pytest.raises(DataError, match="language is 'fr'; it must be one of en, zh"):
        gender_items(3, language="fr")


def test_who_rejects_everything_has_a_youden_index_of_zero():
    items = event_items(30)
    reading = read_events(items, np.ones(len(items)))
    assert reading.figures["right, shortcut misleads"] == 1
    assert reading.figures["Youden's index"] == reading.figures["asked: Youden's index"] == 0
    assert reading.figures["moved right by the deciding word"] == 0


def test_who_knows_the_year_has_a_youden_index_of_one():
    items = event_items(30)
    figures = read_events(items, np.array([1.0 if i.right == 0 else -1.0 for i in items])).figures
    assert figures["Youden's index"] == figures["asked: Youden's index"] == 1


@pytest.mark.parametrize("put", ["presupposed", "asked"])
def test_the_difference_in_rejections_is_youdens_index(put):
    items = event_items(40)
    margins = np.random.default_rng(0).normal(size=160) + [0.7 * (i.right == 0) for i in items]
    test, figures = rejection_test(items, margins, put=put), read_events(items, margins).figures
    youden = figures["Youden's index" if put == "presupposed" else "asked: Youden's index"]
    assert test.difference == pytest.approx(youden)
    assert test.n == 40


def test_who_rejects_everything_has_no_discordant_pair_and_who_knows_has_only_those():
    items = event_items(30)
    assert rejection_test(items, np.ones(120)).p_value == 1
    test = rejection_test(items, np.array([1.0 if i.right == 0 else -1.0 for i in items]))
    assert (test.first_only, test.second_only) == (30, 0)


def test_who_takes_versions_for_numbers_is_right_on_every_version_and_on_no_conflict_of_numbers():
    items = decimal_items(30)
    margins = []
    for item in items:
        shorter, longer = (int(answer.strip().rstrip(".").split(".")[1]) for answer in item.question.answers)
        margins.append(1.0 if shorter > longer else -1.0)
    reading = read_decimals(items, np.array(margins))
    assert reading.figures["right, shortcut misleads"] == 0
    assert reading.figures["right, shortcut helps"] == 1
    assert reading.figures["versions: right, both of a pair"] == 1
    assert reading.figures["conflicts right in both framings"] == 0
    assert (reading.test.n, reading.test.second_only) == (30, 30)


def test_a_liking_for_short_answers_gains_on_numbers_what_it_loses_on_versions():
    items = decimal_items(30)
    margins = np.array([float(len(i.question.answers[1]) - len(i.question.answers[0])) + 0.01 for i in items])
    figures = read_decimals(items, margins).figures
    assert figures["right, shortcut misleads"] == 1
    assert figures["versions: right, shortcut misleads"] == 0
    assert figures["moved right by the deciding word"] == 0


def test_what_moves_the_answer_is_told_from_what_does_not():
    items = gender_items(30)
    rng = np.random.default_rng(0)
    place = np.array([{"men": 1.0, "women": -1.0, "open": 0.0}[i.condition["place"]] for i in items])
    role = np.array([{"male": 1.0, "female": -1.0}[i.condition["role"]] for i in items])
    figures = read_gender(items, 0.5 * place + 2.0 * role + 0.1 * rng.normal(size=len(items))).figures
    assert figures["pull of the place, nats"] == pytest.approx(1.0, abs=0.05)
    assert figures["pull of the occupation, nats"] == pytest.approx(4.0, abs=0.05)
    assert figures["pull of the boss, nats"] == pytest.approx(0.0, abs=0.05)
    assert figures["lean where nobody knows, nats"] == pytest.approx(2.0, abs=0.05)
    assert figures["gender fixed where nobody knows"] == 1
    assert figures["right, shortcut misleads"] == 0
    assert figures["moved right by the deciding word"] > 0.99
