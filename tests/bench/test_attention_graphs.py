"""The table of attention graphs: its sequences follow their graph, its judge knows a good one, penalties act."""

import numpy as np
import pytest

pytest.importorskip("torch")

from yinguo.bench.attention_graphs import LEVELS, TABLE, draw, edges, measure, random_graph, sample
from yinguo.bench.attention_graphs_rows import Filler
from yinguo.nets import torch

SMALL = {"size": 5, "n": 400}


def test_graphs_have_no_cycle_and_at_most_two_parents():
    rng = np.random.default_rng(0)
    for _ in range(30):
        parents = random_graph(rng, 8)
        assert not np.linalg.matrix_power(parents.astype(int), 8).any()
        assert parents.sum(1).max() <= 2
        assert parents.any()


def test_a_token_copies_a_parent_nine_times_of_ten_and_else_draws_from_all():
    parents = np.zeros((3, 3), dtype=bool)
    parents[0, 2] = parents[1, 0] = True  # 2 -> 0 -> 1: the order of causes is not the order of places
    tokens = sample(np.random.default_rng(0), parents, 40_000)
    expected = 0.9 + 0.1 / LEVELS
    assert (tokens[:, 0] == tokens[:, 2]).mean() == pytest.approx(expected, abs=0.006)
    assert (tokens[:, 1] == tokens[:, 0]).mean() == pytest.approx(expected, abs=0.006)
    assert np.allclose(np.bincount(tokens[:, 2]) / 40_000, 1 / LEVELS, atol=0.01)


def test_the_judge_gives_full_marks_to_attention_on_parents_and_none_to_its_reverse():
    parents = random_graph(np.random.default_rng(1), 8)
    assert edges(parents.astype(float), parents) == {"edges found": 1.0, "edges pointing right": 1.0}
    assert edges(parents.T.astype(float), parents) == {"edges found": 1.0, "edges pointing right": 0.0}
    assert edges(np.ones((8, 8)), parents)["edges found"] == 0.5


def test_the_penalty_brings_h_down_a_hundredfold_and_moves_attention_to_the_diagonal():
    drawn = draw(np.random.default_rng(2), **SMALL)
    free, bound = (
        measure(Filler(cycles=cycles, epochs=30, batch_size=50, random_state=0).fit(drawn.study), drawn)
        for cycles in (False, True)
    )
    assert bound["h"] < free["h"] / 100
    assert bound["to itself"] > free["to itself"] + 0.05
    assert bound["right"] > free["right"] - 0.05
    assert bound["right"] > 0.4  # chance is a quarter


def test_the_penalty_on_boundaries_makes_them_smaller():
    drawn = draw(np.random.default_rng(2), **SMALL)
    free, bound = (
        measure(Filler(boundary_strength=strength, epochs=8, random_state=0).fit(drawn.study), drawn)
        for strength in (0.0, 1.0)
    )
    assert bound["boundary"] < 0.7 * free["boundary"]


def test_the_same_seed_gives_the_same_encoder_whatever_the_global_state():
    study = draw(np.random.default_rng(3), size=5, n=100).study
    guesses = []
    for state in (1, 2):
        torch.manual_seed(state)
        guesses.append(Filler(epochs=2, cycles=True, random_state=7).fit(study).read(study.tokens, 0)[0])
    assert np.array_equal(*guesses)


def test_every_row_of_the_table_can_be_made_and_fitted():
    study = draw(np.random.default_rng(3), size=5, n=60).study
    for method in TABLE.methods:
        fitted = method.estimator.make(random_state=0, epochs=1).fit(study)
        assert fitted.read(study.tokens, 1)[0].shape == (60,)
