"""The sentences of the second table on forgetting are what their labels say, and frozen heads are fitted right."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from yinguo.bench import table  # noqa: E402
from yinguo.bench.tailor_minilm import TABLE  # noqa: E402
from yinguo.bench.tailor_sentences import TONES, TOPICS, fit_head, head_accuracy, sentences  # noqa: E402


@pytest.mark.parametrize("make", ["original", "new"])
def test_labels_are_those_of_the_sentences(make):
    given = sentences(200, np.random.default_rng(0), make=make)
    words = [word for group in TOPICS.values() for word in group]
    first_side = {word for group in TOPICS.values() for word in group[:4]}
    for text, other, tone, question, direction in zip(
        given.texts, given.otherwise, *(given.labels[k] for k in ("tone", "question", "direction")), strict=True
    ):
        assert any(text.startswith(start) for start in TONES[int(tone)])
        assert text.endswith("?") == bool(question)
        inside = [word for word in text.replace(",", " ").replace(".", " ").replace("?", " ").split() if word in words]
        assert len(set(inside)) == 2
        assert all(word in other for word in inside)
        if make == "new":
            cause = inside[1] if "caused by" in text else inside[0]
            assert (cause in first_side) == bool(direction)
    assert all(0.3 < given.labels[name].mean() < 0.7 for name in ("tone", "question", "direction"))


def test_a_head_separates_what_can_be_separated():
    rng = np.random.default_rng(1)
    labels = rng.integers(3, size=300)
    X = torch.tensor(np.eye(3)[labels] + 0.1 * rng.normal(size=(300, 3)))
    head = fit_head(X, labels, 3)
    assert head_accuracy(X, labels, head) == 1.0
    assert head_accuracy(X, rng.permutation(labels), head) < 0.5


def test_every_row_can_be_made():
    assert table("tailor-minilm") is TABLE
    assert all(method.estimator.make().way for method in TABLE.methods)
