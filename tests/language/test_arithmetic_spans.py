"""Rules that find what an arithmetic answer rests on, held against published equations."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("transformers")

from yinguo.errors import DataError
from yinguo.language.arithmetic_spans import annotate, numbers_in, relevant_numbers
from yinguo.language.causal_spans import CausalText
from yinguo.language.word_problems import PROBLEM_SETS, plain_number, same_number, word_problems

needs_problems = pytest.mark.skipif(not os.environ.get("YINGUO_DATA"), reason="the word problems do not come along")


def causes(question, answer="1"):
    text = annotate(question, answer)
    return [text.text[slice(*cause)] for _, found in text.links for cause in found]


@given(st.integers(0, 10**9))
def test_a_number_in_figures_is_read_with_and_without_separators(number):
    question = f"There are {number:,} birds and {number} nests."
    assert [found.value for found in numbers_in(question)] == [str(number)] * 2


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("twenty-one dogs", ["21"]),
        ("three hundred seventy-nine pieces", ["379"]),
        ("two thousand and five pages", ["2005"]),
        ("one million two hundred thousand", ["1200000"]),
        ("a dozen eggs, half a pie, twice as many", ["12", "0.5", "2"]),
        ("0.5 pounds, .25 pounds and $3.50", ["0.5", "0.25", "3.5"]),
        ("someone often tends a weight", []),
        ("room a1 and 3D", []),
    ],
)
def test_numbers_in_words_and_figures(text, values):
    assert [found.value for found in numbers_in(text)] == values


def test_a_number_carries_the_noun_it_counts():
    numbers = numbers_in("Ann has 3 more red boxes of tea and 4 in the car. She ate 2.")
    assert [found.noun for found in numbers] == [("red", "box"), (), ()]


def test_a_number_of_something_else_does_not_count_unless_the_sentence_relates_it():
    question = "Ted has 9 cookies, 4 cakes and gets 5 cookies more. How many cookies does he have?"
    assert [found.value for found in relevant_numbers(question)] == ["9", "5"]
    related = "Ted has 9 cookies and gets 5 cookies for each of his 4 cakes. How many cookies does he have?"
    assert [found.value for found in relevant_numbers(related)] == ["9", "5", "4"]


def test_causes_are_numbers_with_nouns_cue_words_and_what_is_asked_for():
    found = causes("Ruth has 89 red apples. She shares 5 with Peter. How many apples does she have left?", "84")
    assert found == ["89 red apples", "shares", "5", "apples", "left"]


def test_the_link_runs_from_the_answer_even_where_its_number_is_in_the_question():
    text = annotate("Ann has 5 cats and 0 dogs. How many pets does she have?", "5")
    ((effect, _),) = text.links
    assert (text.text[slice(*effect)], effect[0]) == ("5", text.answer_start + 1)


def test_a_question_without_numbers_has_no_links():
    assert annotate("How many cats are there?", "3").links == ()


@pytest.mark.parametrize(
    ("value", "plain"), [("84.0", "84"), ("1,234.50", "1234.5"), (0.1, "0.1"), ("$7", "7"), (1234567, "1234567")]
)
def test_plain_numbers(value, plain):
    assert plain_number(value) == plain


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("8", "8.0", True), ("1,000", "1000", True), ("8 apples", "8", False), ("", "0", False), ("7.9", "8", False)],
)
def test_numbers_are_compared_as_numbers(one, other, same):
    assert same_number(one, other) is same


def test_an_unknown_set_or_part_is_refused():
    with pytest.raises(DataError, match="there are gsm8k, svamp, asdiv, mawps"):
        word_problems("mmlu")
    with pytest.raises(DataError, match="it has train, val, test"):
        word_problems("mawps", "dev")


def test_a_missing_set_says_where_it_is_published(monkeypatch):
    monkeypatch.delenv("YINGUO_DATA", raising=False)
    with pytest.raises(DataError, match="chaochun/nlu-asdiv-dataset"):
        word_problems("asdiv")


@needs_problems
def test_the_sets_have_their_published_sizes():
    counts = {(name, part): len(word_problems(name, part)) for name, parts in PROBLEM_SETS.items() for part in parts}
    assert counts == {
        ("gsm8k", "train"): 7473, ("gsm8k", "test"): 1319, ("svamp", "all"): 1000, ("asdiv", "all"): 2084,
        ("mawps", "train"): 1239, ("mawps", "val"): 413, ("mawps", "test"): 413,
    }  # fmt: skip


def agreement(name, rule):
    """Share of the numbers chosen that are in the published equation, and of those in it that are chosen."""
    hits = chosen = wanted = 0
    for problem in word_problems(name):
        found, right = {number.value for number in rule(problem.question)}, set(problem.operands)
        hits, chosen, wanted = hits + len(found & right), chosen + len(found), wanted + len(right)
    return hits / chosen, hits / wanted


@needs_problems
def test_the_numbers_chosen_are_mostly_those_of_the_published_equations():
    """The rule looks at the question alone; taking every number is what it must beat."""
    for name, precision, recall in (("svamp", 0.83, 0.95), ("asdiv", 0.88, 0.91)):
        ours, every = agreement(name, relevant_numbers), agreement(name, numbers_in)
        assert ours[0] > max(precision, every[0]), name
        assert ours[1] > recall, name


@needs_problems
def test_most_links_released_with_mawps_are_found_and_the_others_are_counted():
    found = skipped = 0
    for problem in word_problems("mawps")[:200]:
        answer = problem.answer if "." in problem.answer else f"{problem.answer}.0"
        text = CausalText.from_phrases(f"{problem.question} Answer:", answer, problem.important, missing="count")
        found, skipped = found + len(text.links), skipped + text.skipped
    assert skipped > 0
    assert found > 4 * skipped


@needs_problems
def test_every_question_with_a_number_gets_a_link_that_is_inside_it():
    for name in PROBLEM_SETS:
        for problem in word_problems(name)[:300]:
            text = annotate(problem.question, problem.answer)
            assert bool(text.links) == bool(numbers_in(problem.question))
            assert all(cause[1] <= len(problem.question) for _, found in text.links for cause in found)
