"""Testers: what is taken away, and when a model counts as having changed its mind."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from language_toys import checkpoint

from yinguo.errors import DataError
from yinguo.language.attention_reading import read_attention
from yinguo.language.explanation_testers import (
    FlipTester,
    class_tester,
    embed,
    embedding_classifier,
    exhaustive_explanations,
    flips_of_all,
    masked_word_tester,
    next_token_tester,
    prototype_classes,
)
from yinguo.nets import torch

TEXT = "the blue whale swims in deep oceans"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return {kind: checkpoint(tmp_path_factory.mktemp(kind), kind) for kind in ("lm", "masked", "class", "none")}


@pytest.fixture(scope="module")
def reading(models):
    return read_attention(models["none"], TEXT)


def test_padding_puts_the_token_in_place_and_masking_closes_attention(reading):
    seen = []

    def decide(ids, mask):
        seen.append((ids.tolist(), mask.tolist()))
        return 0

    for by in ("pad", "mask"):
        FlipTester(decide, reading, by=by)([1, 2])
    (whole, _), (padded, all_on), _, (kept, closed) = seen
    assert [k for k in range(len(whole)) if padded[k] != whole[k]] == [2, 3]
    assert padded[2] == padded[3] == 0
    assert set(all_on) == {1}
    assert kept == whole
    assert [k for k, on in enumerate(closed) if not on] == [2, 3]


def test_a_set_is_asked_about_once_whatever_the_order_of_its_words(reading):
    runs = []
    tester = FlipTester(lambda ids, mask: runs.append(1) or int(ids[2] == 0), reading)
    assert tester([2, 1])
    assert tester([1, 2])
    assert not tester([3])
    assert tester.calls == 2
    assert len(runs) == 3  # one for the whole text
    assert reading.ids[2] != 0


def test_the_next_token_is_the_arg_max_at_the_word_and_later_words_play_no_part(models):
    reading = read_attention(models["lm"], TEXT)
    tester = next_token_tester(reading, reading.index("swims"))
    with torch.no_grad():
        logits = (
            models["lm"].model(models["lm"].tokenizer("the blue whale swims", return_tensors="pt")["input_ids"]).logits
        )
    assert tester.before == int(logits[0, -1].argmax())
    assert not tester([reading.index("oceans")])


def test_the_word_of_a_gap_is_the_arg_max_there(models):
    reading = read_attention(models["masked"], TEXT, hidden=("whale",))
    place = reading.index("whale")
    tester = masked_word_tester(reading, place)
    with torch.no_grad():
        logits = models["masked"].model(input_ids=reading.ids[None]).logits
    assert tester.before == int(logits[0, reading.positions[place][0]].argmax())


def test_a_model_with_classes_is_asked_itself_and_one_without_needs_a_classifier(models, reading):
    own = class_tester(read_attention(models["class"], TEXT))
    assert own.before in (0, 1)
    given = class_tester(reading, lambda embedding: int(embedding[0] > 0))
    assert given.before == int(embed(models["none"], [TEXT])[0, 0] > 0)
    with pytest.raises(DataError, match="load it with a head, or give a classifier"):
        class_tester(reading)


def test_many_sets_at_once_flip_as_they_do_one_by_one(models, reading):
    middle = np.median(embed(models["none"], [TEXT, "good whale", "blue oceans . the planet"]), axis=0)

    def classify(states):
        return ((states - middle) @ np.linspace(-1, 1, 48) > 0).astype(int)

    sets = [(0,), (1,), (2, 5), (1, 3, 6), (4,), (0, 6)]
    together = flips_of_all(reading, sets, classify, batch=4)
    tester = class_tester(reading, lambda state: classify(state[None])[0])
    assert together == {words: tester(words) for words in sets}


def test_embeddings_have_length_one_and_do_not_depend_on_the_batch(models):
    texts = [TEXT, "whale", "good blue planet and bad oceans"]
    together = embed(models["none"], texts)
    assert np.allclose(np.linalg.norm(together, axis=1), 1)
    assert np.allclose(together, embed(models["none"], texts, batch=1), atol=1e-5)


def test_a_label_is_nearest_to_itself(models):
    classify = prototype_classes(models["none"], ["good whale", "bad planet"])
    assert classify(embed(models["none"], ["bad planet"])[0]) == 1
    with pytest.raises(DataError, match="at least two different"):
        prototype_classes(models["none"], ["good", "good"])


def test_a_classifier_learns_what_it_is_shown(models):
    texts, classes = ["good whale", "good planet", "bad whale", "bad planet"], [1, 1, 0, 0]
    classify = embedding_classifier(models["none"], texts, classes, C=100.0)
    states = embed(models["none"], texts)
    assert classify(states).tolist() == classes
    assert classify(states[2]) == 0


def test_every_set_is_tried_and_the_smallest_kept():
    asked = []

    def tester(words):
        asked.append(words)
        return {1, 3} <= set(words)

    assert [item.words for item in exhaustive_explanations([3, 0, 1], tester)] == [(1, 3)]
    assert asked == [(0,), (1,), (3,), (0, 1), (0, 3), (1, 3)]
    assert [item.words for item in exhaustive_explanations([3, 0, 1], tester, search_minimal=False)] == [
        (1, 3),
        (0, 1, 3),
    ]
    assert exhaustive_explanations([0, 1], tester, max_size=1) == []


def test_an_unknown_way_to_take_words_away_is_refused(reading):
    with pytest.raises(DataError, match="'pad' or 'mask'"):
        FlipTester(lambda ids, mask: 0, reading, by="drop")
