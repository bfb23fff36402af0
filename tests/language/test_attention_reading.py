"""From a text to one row of attention for each word."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from language_toys import checkpoint

from yinguo.errors import DataError
from yinguo.language.attention_reading import content_words, merge_pieces, read_attention

TEXT = "The whales swims in the deepest oceans."


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp("encoder"), "none")


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp("decoder"), "lm")


def test_words_are_those_of_the_text_and_pieces_of_one_are_merged(encoder):
    reading = read_attention(encoder, TEXT.lower())
    assert reading.words == ("the", "whales", "swims", "in", "the", "deepest", "oceans", ".")
    assert reading.names[4] == "the(2)"
    assert reading.positions[1] == (2, 3)
    assert reading.positions[5] == (7, 8)
    assert reading.attention.shape == (3, 8, 12)  # [CLS] and [SEP] have columns, no rows
    assert not reading.ordered
    assert reading.hidden_size == 48
    assert reading.layer == 1


def test_rows_are_weights_and_the_row_of_a_word_is_the_mean_of_its_pieces(encoder):
    reading = read_attention(encoder, TEXT.lower())
    assert np.allclose(reading.attention.sum(axis=2), 1)
    A = np.random.default_rng(0).random((1, 4, 4))
    assert np.allclose(merge_pieces(A, [(0,), (1, 2)]), [[A[0, 0], (A[0, 1] + A[0, 2]) / 2]])


def test_the_readout_is_the_mean_of_all_tokens_or_the_first(encoder):
    mean, first = (read_attention(encoder, TEXT.lower(), pooling=p).readout for p in ("mean", "first"))
    assert mean.shape == first.shape == (3, 12)
    assert np.allclose(mean.sum(axis=1), 1)
    assert not np.allclose(mean, first)


def test_a_decoder_is_known_by_its_attention_and_its_first_token_is_left_out(decoder):
    text = "blue whales swims"
    with_first, without = read_attention(decoder, text, drop_first=False), read_attention(decoder, text)
    assert with_first.ordered
    assert without.ordered
    assert with_first.words == ("blue", "whales", "swims")
    assert without.words == ("whales", "swims")
    # Leaving out row and column of the first token is conditioning on it: its row is (1, 0, ...).
    A = with_first.attention[0]
    C = A @ A.T
    given = C[1:, 1:] - np.outer(C[1:, 0], C[0, 1:]) / C[0, 0]
    assert np.allclose(C[0, 0], 1)
    assert np.allclose(given, without.attention[0] @ without.attention[0].T)


def test_a_hidden_word_is_not_read(encoder):
    plain, hidden = (read_attention(encoder, "the blue whale", hidden=h) for h in ((), ("blue",)))
    assert hidden.ids[2] == encoder.tokenizer.mask_token_id
    assert (plain.ids != hidden.ids).sum() == 1
    assert not np.allclose(plain.attention, hidden.attention)


def test_function_words_and_punctuation_name_nothing_but_not_does():
    words = ["The", "whale", "is", "not", ",", "an", "animal", "."]
    assert content_words(words) == [1, 3, 6]
    assert content_words(words, keep=(2,)) == [1, 2, 3, 6]


def test_places_of_words_are_found_by_word_or_by_name(encoder):
    reading = read_attention(encoder, TEXT.lower())
    assert reading.index("OCEANS") == 6
    assert reading.index("the") == 4
    assert reading.index("the(2)") == 4


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("whale", {}, "1 words"),
        ("the blue whale", {"layer": 2}, "layer is 2; .* has 2"),
        ("the blue whale", {"pooling": "max"}, "'mean' or 'first'"),
        ("the blue whale", {"hidden": ("planet",)}, "no word 'planet'; its words are the, blue, whale"),
        ("whale " * 60, {}, "62 tokens; .* at most 40"),
    ],
)
def test_bad_input_is_named(encoder, text, options, words):
    with pytest.raises(DataError, match=words):
        read_attention(encoder, text, **options)


def test_a_word_that_is_not_there_is_named(encoder):
    with pytest.raises(DataError, match="no word 'moon'; its words are the, blue, whale"):
        read_attention(encoder, "the blue whale").index("moon")
