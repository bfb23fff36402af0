"""What the page says about assumptions, checks and differences."""

import numpy as np
import pytest
from report_toys import Bare, Failing, draw, methods

import yinguo as yg
from yinguo.report import assess


def test_labels_are_distinct_when_a_method_runs_twice():
    comparison = yg.compare(draw(), [yg.AIPW(), yg.AIPW(folds=2), yg.AIPW(folds=2)])
    names = assess.labels(comparison)
    assert names == ("aipw [defaults]", "aipw [folds=2]", "aipw [folds=2] #2")


def test_labels_carry_the_estimand_when_there_are_several():
    comparison = yg.compare(draw(), [yg.AIPW(), yg.EntropyBalancing()])
    assert assess.labels(comparison) == ("aipw (ATE)", "entropy-balancing (ATT)")


def test_each_assumption_says_whether_it_was_checked_and_what_came_out(comparison):
    found = assess.assumptions_of(comparison, assess.labels(comparison))
    random = next(a for a in found if "at random" in a.sentence)
    assert random.status.startswith("Not testable")
    assert random.verdict is None
    assert random.needed_by == "difference"
    overlap = next(a for a in found if "overlap" in a.status)
    assert overlap.verdict == next(d for d in comparison["aipw"].diagnostics if d.name == "overlap").verdict


def test_failing_checks_come_before_passing_ones(comparison):
    verdicts = [c.verdict for c in assess.checks_of(comparison, assess.labels(comparison))]
    assert verdicts == sorted(verdicts, key=("stop", "look", "ok").index)
    assert verdicts[0] == "stop"


def test_the_headline_is_chosen_by_order_and_checks_not_by_estimate(comparison):
    chosen, rule = assess.headline(comparison)
    assert comparison.rows[chosen].method == "aipw"
    assert "no estimate was looked at" in rule


def test_the_headline_falls_back_and_its_rule_says_so():
    only_raw = yg.compare(draw(), [Failing(), Bare(), yg.DifferenceInMeans()])
    chosen, rule = assess.headline(only_raw)
    assert only_raw.rows[chosen].method == "difference"
    assert "adjusts" not in rule
    assert assess.headline(yg.compare(draw(), [Failing(), Bare()])) == (None, "")


def test_gaps_are_the_differences_the_scores_give(comparison):
    names = assess.labels(comparison)
    gaps = {g.method: g for g in assess.gaps_to(comparison, names, 1, 0.95)}
    expected = comparison["difference"] - comparison["aipw"]
    assert gaps["difference"].estimate == expected.estimate
    assert (gaps["difference"].low, gaps["difference"].high) == expected.ci(0.95)
    assert "bare" not in gaps


def test_gaps_work_on_results_that_came_from_other_processes():
    study = draw()
    here, there = (yg.compare(study, methods()[:3], n_jobs=jobs) for jobs in (1, 2))
    names = assess.labels(here)
    assert assess.gaps_to(here, names, 1, 0.95) == assess.gaps_to(there, names, 1, 0.95)


def test_different_estimands_are_not_subtracted():
    comparison = yg.compare(draw(), [yg.AIPW(), yg.EntropyBalancing()])
    assert assess.gaps_to(comparison, assess.labels(comparison), 0, 0.95) == ()
    assert "different questions" in assess.reasons(comparison, assess.labels(comparison))[0]


def test_the_benchmark_is_said_in_words(comparison):
    names = assess.labels(comparison)
    said = " ".join(assess.benchmark_sentences(comparison, names, ("experiment", 1.0), 0.95))
    inside = [r.method for r in comparison.results if r.se and r.ci()[0] <= 1.0 <= r.ci()[1]]
    nearest = min(comparison.results, key=lambda r: abs(r.estimate - 1.0)).method
    assert "Benchmark (experiment): 1.000" in said
    assert all(name in said for name in inside)
    assert f"Nearest is {nearest}" in said


def test_the_verdict_sentence_names_who_must_not_be_acted_on(comparison):
    said = assess.verdict_sentence(comparison, assess.labels(comparison))
    assert "Do not act on difference" in said
    assert "Nothing was checked for bare" in said
    nothing = yg.compare(draw(), [Failing()])
    assert "No method gave an estimate" in assess.verdict_sentence(nothing, assess.labels(nothing))


@pytest.mark.parametrize(("count", "joined"), [(1, "a"), (2, "a and b"), (3, "a, b and c")])
def test_names_are_joined_as_one_writes_them(count, joined):
    assert assess._and(["a", "b", "c"][:count]) == joined


def test_gap_sentences_tell_chance_from_bias():
    comparison = yg.compare(draw(n=2000), methods()[:3])
    gaps = {g.method: g for g in assess.gaps_to(comparison, assess.labels(comparison), 1, 0.95)}
    assert gaps["difference"].low * gaps["difference"].high > 0
    assert "biased" in gaps["difference"].sentence
    assert np.isfinite(gaps["entropy-balancing"].low)
