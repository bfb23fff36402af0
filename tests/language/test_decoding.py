"""Answers scored and decoded in padded batches are those of one prompt at a time."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tiny_models import TOKENIZERS, byte_level_bpe, tiny_llama  # noqa: E402

from yinguo.errors import DataError  # noqa: E402
from yinguo.language.decoding import (  # noqa: E402
    answer_log_probabilities,
    greedy_answers,
    half_precision,
    score_candidates,
)

PROMPTS = ["Smoking: 1 Answer:", "Weight: 10, Exercise: 3, Smoking: 9 Answer: ", "Ruth has 89 apples. Answer:"]
CANDIDATES = ["Low Risk", "High Risk", "84.0", "8"]


def slow_score(model, tokenizer, prompt, answer):
    """Token by token, without padding, cache or batch."""
    alone = tokenizer(prompt.rstrip())["input_ids"]
    whole = tokenizer(f"{prompt.rstrip()} {answer}")["input_ids"]
    assert whole[: len(alone)] == alone
    total = 0.0
    for k in range(len(alone), len(whole)):
        with torch.no_grad():
            logits = model(torch.tensor([whole[:k]])).logits[0, -1]
        total += float(logits.log_softmax(-1)[whole[k]])
    return total


@pytest.mark.parametrize("family", ["byte-level BPE", "SentencePiece"])
def test_scores_of_candidates_equal_a_slow_loop(family):
    tokenizer = TOKENIZERS[family]()
    model = tiny_llama(tokenizer).eval()
    found = score_candidates(model, tokenizer, PROMPTS, CANDIDATES, batch_size=2)
    slow = [[slow_score(model, tokenizer, prompt, answer) for answer in CANDIDATES] for prompt in PROMPTS]
    assert found == pytest.approx(np.array(slow), abs=1e-4)
    own = answer_log_probabilities(model, tokenizer, PROMPTS, CANDIDATES[:3], batch_size=2)
    assert own == pytest.approx(np.diag(slow), abs=1e-4)


def test_greedy_answers_equal_a_slow_loop_and_end_where_the_text_ends():
    tokenizer = byte_level_bpe()
    model = tiny_llama(tokenizer, seed=3).eval()
    # Make the end of text likely enough to be met.
    with torch.no_grad():
        model.lm_head.weight[tokenizer.eos_token_id] *= 6
    found = greedy_answers(model, tokenizer, PROMPTS, max_new_tokens=7)
    slow = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt.rstrip())["input_ids"]
        start = len(ids)
        while len(ids) < start + 7:
            with torch.no_grad():
                token = int(model(torch.tensor([ids])).logits[0, -1].argmax())
            if token == tokenizer.eos_token_id:
                break
            ids.append(token)
        slow.append(tokenizer.decode(ids[start:], skip_special_tokens=True).strip())
    assert found == slow
    assert len(set(map(len, found))) > 1


def test_padding_with_the_end_of_text_changes_no_answer():
    tokenizer = byte_level_bpe()
    model = tiny_llama(tokenizer).eval()
    usual = score_candidates(model, tokenizer, PROMPTS, CANDIDATES)
    tokenizer.pad_token = tokenizer.eos_token
    assert score_candidates(model, tokenizer, PROMPTS, CANDIDATES) == pytest.approx(usual, abs=1e-5)


def test_what_cannot_be_scored_is_refused():
    tokenizer = byte_level_bpe()
    model = tiny_llama(tokenizer)
    with pytest.raises(DataError, match=r"candidates is \[\]"):
        score_candidates(model, tokenizer, PROMPTS, [])
    with pytest.raises(DataError, match="3 prompts and 1 answers"):
        answer_log_probabilities(model, tokenizer, PROMPTS, ["8"])
    tokenizer.pad_token = None
    with pytest.raises(DataError, match="no padding token"):
        greedy_answers(model, tokenizer, PROMPTS)


def test_half_precision_is_near_and_scores_tokens_exactly():
    tokenizer = byte_level_bpe()
    model = tiny_llama(tokenizer).eval()
    usual = score_candidates(model, tokenizer, PROMPTS, CANDIDATES)
    kept = []
    with half_precision(model):
        near = score_candidates(model, tokenizer, PROMPTS, CANDIDATES)
        kept.append(model(torch.tensor([[3, 4, 5]])).logits.dtype)
    assert kept == [torch.float32]
    assert near == pytest.approx(usual, abs=0.1)
    assert not np.array_equal(near, usual)
    assert np.array_equal(score_candidates(model, tokenizer, PROMPTS, CANDIDATES), usual)


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda m, t: score_candidates(m, t, ["a"], "High"), "candidates is 'High'; give a list"),
        (lambda m, t: score_candidates(m, t, ["a"], ["High", ""]), "none that is empty"),
        (lambda m, t: score_candidates(m, t, "abc", ["High"]), "prompts is 'abc'"),
        (lambda m, t: score_candidates(m, t, ["a"], ["b"], batch_size=-1), "batch_size is -1"),
        (lambda m, t: score_candidates(m, t, [""], ["b"]), "has no token"),
        (lambda m, t: answer_log_probabilities(m, t, ["a"], [""]), "an answer is empty"),
        (lambda m, t: answer_log_probabilities(m, t, [""], ["b"]), "has no token"),
        (lambda m, t: greedy_answers(m, t, ["a"], max_new_tokens=0), "max_new_tokens is 0"),
        (lambda m, t: greedy_answers(m, t, ["a"], batch_size=-1), "batch_size is -1"),
    ],
)
def test_nothing_to_score_is_refused_and_not_given_a_score(read, words):
    tokenizer = byte_level_bpe()
    with pytest.raises(DataError, match=words):
        read(tiny_llama(tokenizer), tokenizer)
