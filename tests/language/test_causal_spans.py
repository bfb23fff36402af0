"""Phrases become characters, characters become tokens, and the mask stands one row to the left."""

import numpy as np
import pytest

pytest.importorskip("transformers")

from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import TOKENIZERS, byte_level_bpe, risk_rows

from yinguo.errors import DataError
from yinguo.language.causal_spans import CausalText, tokenise, tokenise_all

BUILT = {name: build() for name, build in TOKENIZERS.items()}


@pytest.mark.parametrize("family", BUILT)
def test_the_mask_joins_the_rows_before_the_effect_to_the_tokens_of_its_cause(family):
    text = CausalText.from_phrases(
        "Weight: 10, Smoking: 1, Room size: 7 Answer:", "Low Risk", {"Low Risk": ["Smoking: 1", "Weight: 10"]}
    )
    row = tokenise(text, BUILT[family])
    rows, columns = np.flatnonzero(row.supervision.any(1)), np.flatnonzero(row.supervision.any(0))
    predicted = "".join(text.text[s:e] for s, e in row.offsets[rows + 1]).replace(" ", "")
    looked_at = "".join(text.text[s:e] for s, e in row.offsets[columns]).replace(" ", "")
    assert predicted == "LowRisk"
    assert looked_at == "Weight:10Smoking:1"
    # Every row of the effect looks at every token of every cause, and at nothing else.
    assert row.supervision.sum() == len(rows) * len(columns)


@pytest.mark.parametrize("family", BUILT)
@settings(max_examples=40, deadline=None)
@given(numbers=st.lists(st.integers(0, 120), min_size=3, max_size=6), data=st.data())
def test_any_stretch_of_characters_is_covered_by_its_tokens_and_no_more(family, numbers, data):
    """Against a slow loop over characters: a token is marked if and only if one of its characters is in the stretch."""
    prompt = " ".join(f"naïve {n}, 因果 Weight: {n}." for n in numbers)
    start = data.draw(st.integers(0, len(prompt) - 2))
    end = data.draw(st.integers(start + 1, len(prompt) - 1))
    text = CausalText(prompt, "Low", (((len(prompt) + 1, len(prompt) + 4), ((start, end),)),))
    row = tokenise(text, BUILT[family])
    marked = set(np.flatnonzero(row.supervision.any(0)))
    expected = {j for j, (s, e) in enumerate(row.offsets) if any(start <= c < end for c in range(s, e))}
    assert marked == expected


def test_the_space_that_a_tokenizer_puts_before_the_text_stands_for_no_character():
    text = CausalText("Xenon: 1 Answer:", "Low", (((17, 20), ((0, 1),)),))
    row = tokenise(text, BUILT["SentencePiece"])
    marked = np.flatnonzero(row.supervision.any(0))
    names = BUILT["SentencePiece"].convert_ids_to_tokens(row.input_ids[marked].tolist())
    assert "▁" not in names
    assert len(marked) == 1


def test_a_token_for_a_space_inside_a_stretch_belongs_to_it_and_one_before_it_does_not():
    tokenizer = BUILT["byte-level BPE"]
    text = CausalText.from_phrases("Xyz: 7 Answer:", "Low", {"Low": ["7"], "Answer": ["Xyz: 7"]})
    row = tokenise(text, tokenizer)
    marks = tokenizer.convert_ids_to_tokens(row.input_ids.tolist())
    by_effect = {
        effect: [marks[j] for j in np.flatnonzero(row.supervision[rows].any(0))]
        for effect, rows in (("Answer", slice(0, len(marks) - 4)), ("Low", slice(len(marks) - 4, None)))
    }
    assert by_effect["Low"][-1].strip("Ġ") == "7"
    assert "".join(by_effect["Answer"]) == "Xyz:Ġ7"


@pytest.mark.parametrize("family", BUILT)
def test_labels_are_the_answer_and_its_end_alone(family):
    row = tokenise(CausalText("Smoking: 1 Answer:", "Low Risk"), BUILT[family])
    chosen = row.labels != -100
    assert BUILT[family].decode(row.input_ids[chosen], skip_special_tokens=True).strip().lower() == "low risk"
    assert (row.labels[chosen] == row.input_ids[chosen]).all()
    ends = {BUILT[family].eos_token_id, BUILT[family].sep_token_id}
    assert row.labels[-1] in ends
    assert not chosen[: chosen.argmax()].any()
    assert chosen[chosen.argmax() :].all()


def test_the_tokens_of_the_prompt_do_not_depend_on_the_answer():
    for tokenizer in BUILT.values():
        whole = tokenise(CausalText("Smoking: 1 Answer: ", " Low Risk"), tokenizer)
        alone = tokenise(CausalText("Smoking: 1 Answer: ", ""), tokenizer)
        prompt = whole.input_ids[whole.labels == -100]
        assert list(alone.input_ids[: len(prompt)]) == list(prompt)


def test_a_number_is_found_as_a_whole_only():
    text = CausalText.from_phrases(
        "1 and 10, 1.5 and 21, a1 and 1,000. Answer:", "yes", {"yes": ["1"]}, occurrences="all"
    )
    assert text.links == (((44, 47), ((0, 1),)),)


def test_the_nearest_occurrence_before_the_effect_is_taken_unless_all_are_asked_for():
    phrases = {"84": ["5"]}
    prompt = "5 cats and 5 dogs. Answer:"
    nearest = CausalText.from_phrases(prompt, "84", phrases)
    every = CausalText.from_phrases(prompt, "84", phrases, occurrences="all")
    assert [causes for _, causes in nearest.links] == [((11, 12),)]
    assert [causes for _, causes in every.links] == [((0, 1), (11, 12))]


def test_the_released_format_of_several_maps_is_read():
    released = [{"5": ["She shares"]}, {"84.0": ["89 apples", "5"]}]
    text = CausalText.from_phrases("Ruth has 89 apples. She shares 5. Answer:", "84.0", released)
    found = [(text.text[slice(*e)], [text.text[slice(*c)] for c in causes]) for e, causes in text.links]
    assert found == [("5", ["She shares"]), ("84.0", ["89 apples"]), ("84.0", ["5"])]


@pytest.mark.parametrize(
    ("phrases", "named"),
    [
        ({"High": ["Weight"]}, "'High' is not in the text"),
        ({"Low": ["Age: 3"]}, "'Age: 3' is not in the text"),
        ({"Smoking": ["Low"]}, "'Low' is nowhere before 'Smoking'"),
    ],
)
def test_a_phrase_that_is_not_found_is_named_or_counted(phrases, named):
    given = ("Weight: 2 Smoking: 3 Answer:", "Low", phrases)
    with pytest.raises(DataError, match=named):
        CausalText.from_phrases(*given)
    counted = CausalText.from_phrases(*given, missing="count")
    assert (counted.skipped, counted.links) == (1, ())


def test_truncation_drops_and_counts_what_it_cuts():
    tokenizer = byte_level_bpe()
    row = risk_rows(1)[0]
    whole = tokenise(row, tokenizer)
    tokenizer.truncation_side = "left"
    first_cause = np.flatnonzero(whole.supervision.any(0))[0]
    size = len(whole.input_ids)
    kept = tokenise(row, tokenizer, max_length=size - first_cause)
    assert (kept.dropped, kept.supervision.sum()) == (0, whole.supervision.sum())
    cut = tokenise(row, tokenizer, max_length=size - first_cause - 1)
    assert (cut.dropped, cut.supervision.any()) == (1, False)
    assert (cut.labels != -100).sum() == (whole.labels != -100).sum()
    tokenizer.truncation_side = "right"
    assert tokenise(row, tokenizer, max_length=size - 3).dropped == 1


def test_a_text_without_links_is_supervised_nowhere():
    rows = tokenise_all([CausalText.from_phrases("Weight: 2 Answer:", "Low", {})], BUILT["WordPiece"])
    assert not rows[0].supervision.any()


@pytest.mark.parametrize(
    ("links", "named"),
    [
        ((((0, 99), ()),), "not inside the text"),
        ((((0, 3), ((4, 6),)),), "does not end before its effect"),
        ((((3, 3), ()),), "not inside the text"),
    ],
)
def test_stretches_that_make_no_sense_are_refused(links, named):
    with pytest.raises(DataError, match=named):
        CausalText("Weight: 2 Answer:", "Low", links)


def test_a_slow_tokenizer_is_refused_by_name():
    class Slow:
        is_fast = False

    with pytest.raises(DataError, match="Slow is no fast tokenizer"):
        tokenise(CausalText("a", "b"), Slow())


def test_the_masks_of_the_small_decoder_and_encoder_are_those_of_their_words():
    """The tokenizers that come with the weights: byte-level BPE and WordPiece as trained by others."""
    from transformers import AutoTokenizer

    from yinguo.errors import MissingExtraError
    from yinguo.language.checkpoints import bundled_folder

    text = CausalText.from_phrases("Weight: 10, Smoking: 1, Size: 7 Answer:", "Low", {"Low": ["Smoking: 1"]})
    for name in ("smollm2", "minilm"):
        try:
            tokenizer = AutoTokenizer.from_pretrained(bundled_folder(name))
        except MissingExtraError:
            pytest.skip("weights not installed")
        row = tokenise(text, tokenizer)
        looked_at = [text.text[s:e].strip() for s, e in row.offsets[row.supervision.any(0)]]
        assert "".join(looked_at) == "Smoking:1"
        assert row.supervision.any(1).sum() == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CausalText("How many?", 84), r"prompt and answer has 1 .*entry 1 \(84\)"),
        (lambda: CausalText(None, "a"), "entry 0"),
        (lambda: CausalText("abc", "d", ((4, 5),)), r"links hold \(4, 5\); a link is"),
        (lambda: CausalText("abc", "d", (((4, 5), (0, 1)),)), "a link is"),
        (lambda: CausalText.from_phrases("abc", "d", None), "phrases is None"),
        (lambda: CausalText.from_phrases("abc", "d", {"d": 3}), "earlier phrases of 'd' are 3"),
        (lambda: tokenise("abc", byte_level_bpe()), "the text is 'abc'; give a CausalText"),
        (lambda: tokenise(CausalText("", ""), byte_level_bpe()), "has no token"),
        (lambda: tokenise(CausalText("a", "b"), byte_level_bpe(), max_length=1.5), r"max_length is 1\.5"),
    ],
)
def test_what_is_no_text_or_no_link_is_refused_in_words(make, words):
    with pytest.raises(DataError, match=words):
        make()
