"""Texts with causal spans in, a tuned model and attention before and after out."""

import random

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from tiny_models import risk_rows, tiny_checkpoint  # noqa: E402

from yinguo.errors import DataError  # noqa: E402
from yinguo.language.causal_spans import CausalText  # noqa: E402
from yinguo.language.causal_tuning import CausalAttentionTuning, read_attention  # noqa: E402
from yinguo.language.decoding import score_candidates  # noqa: E402


def tuned(texts=None, shown=None, **options):
    given = {"gamma": 1.0, "alpha": 5.0, "steps": 20, "lora_rank": None, "learning_rate": 3e-3, **options}
    return CausalAttentionTuning(tiny_checkpoint(), **given).fit(texts or risk_rows(), shown=shown)


@pytest.mark.parametrize("rank", [None, 4])
def test_the_attention_on_the_causes_rises_in_the_text_shown(rank):
    tuning = tuned(lora_rank=rank, lora_targets=("q_proj", "k_proj"), steps=40, learning_rate=1e-2)
    assert tuning.after_[0].mass > 1.3 * tuning.before_[0].mass
    assert (tuning.after_[0].tokens, len(tuning.after_)) == (tuning.before_[0].tokens, 1)
    assert hasattr(tuning.model_, "peft_config") is (rank is not None)
    assert not tuning.model_.training


def test_the_same_seed_gives_the_same_model_and_another_one_does_not():
    weights = [tuned(random_state=seed).model_.state_dict() for seed in (0, 0, 1)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not all(torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


def test_the_global_state_of_random_numbers_and_standard_output_are_left_alone(capsys):
    def states():
        return torch.get_rng_state().tolist(), list(np.random.get_state()[1]), random.getstate()  # noqa: NPY002

    before = states()
    tuned(steps=2)
    assert states() == before
    assert capsys.readouterr().out == ""


def test_what_was_logged_is_both_losses_step_by_step():
    history = tuned(steps=6).history_
    assert len(history) == 6
    assert all({"loss", "lm_loss", "attention_loss", "attention_mass"} <= set(entry) for entry in history)
    assert history[0]["loss"] == pytest.approx(history[0]["lm_loss"] + history[0]["attention_loss"], rel=1e-3)
    assert not any("attention_loss" in entry for entry in tuned(steps=2, gamma=0.0).history_)


def test_a_tuned_model_learns_the_answers():
    rows = risk_rows()
    tuning = tuned(rows, steps=120)
    scores = score_candidates(tuning.model_, tuning.tokenizer_, [r.prompt for r in rows], ["Low Risk", "High Risk"])
    right = [("Low Risk", "High Risk")[k] == row.answer for k, row in zip(scores.argmax(1), rows, strict=True)]
    assert np.mean(right) > 0.9


def test_a_reading_is_the_attention_of_one_text():
    loaded = tiny_checkpoint()
    text = CausalText.from_phrases("Weight: 2, Smoking: 3 Answer:", "Low", {"Low": ["Smoking: 3"]})
    reading = read_attention(loaded.model, loaded.tokenizer, text)
    assert reading.attention.sum(1) == pytest.approx(1.0, abs=1e-5)
    assert not np.triu(reading.attention, 1).any()
    assert "".join(reading.tokens) == text.text
    row, columns = reading.supervision.any(1), reading.supervision.any(0)
    assert reading.mass == pytest.approx(reading.attention[row][:, columns].sum(1).mean(), rel=1e-5)


def test_truncation_that_cuts_a_span_is_counted():
    texts = risk_rows(4)
    assert tuned(texts, steps=1).dropped_ == 0
    assert tuned(texts, steps=1, max_length=18).dropped_ == 4


def test_texts_that_teach_nothing_are_refused():
    with pytest.raises(DataError, match="texts is empty"):
        CausalAttentionTuning(tiny_checkpoint()).fit([])
    with pytest.raises(DataError, match="1 of 2 texts have no answer"):
        CausalAttentionTuning(tiny_checkpoint()).fit([CausalText("a", "b"), CausalText("a", "")])


def test_tuning_in_sixteen_bits_is_near_tuning_in_thirty_two_and_leaves_no_trace():
    whole, half = tuned(steps=10), tuned(steps=10, bf16=True)
    losses = [[entry["loss"] for entry in tuning.history_] for tuning in (whole, half)]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
    assert losses[1] != losses[0]
    ids = torch.tensor([half.tokenizer_("Smoking: 3 Answer:")["input_ids"]])
    with torch.no_grad():
        assert half.model_.lm_head(half.model_.model(ids).last_hidden_state).dtype == torch.float32
        assert torch.equal(half.model_(ids).logits, half.model_.lm_head(half.model_.model(ids).last_hidden_state))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gamma": float("nan")}, "gamma_0 is nan"), ({"steps": 0}, "steps is 0"), ({"steps": -3}, "steps is -3"),
        ({"steps": None, "epochs": 0}, "epochs is 0"), ({"batch_size": 0}, "batch_size is 0"),
        ({"learning_rate": -1}, "learning_rate is -1"), ({"learning_rate": float("inf")}, "learning_rate is inf"),
        ({"lora_rank": 0}, "lora_rank is 0"), ({"lora_targets": "q_proj"}, "lora_targets is 'q_proj'; give a list"),
        ({"lora_targets": ("zzz",)}, "lora_targets is .*zzz.*not found"), ({"layers": []}, "name at least one"),
        ({"random_state": -1}, "random_state is -1"), ({"max_length": 12}, "cuts off every answer"),
    ],
)  # fmt: skip
def test_options_that_tune_nothing_or_diverge_are_refused_by_name(options, words):
    with pytest.raises(DataError, match=words):
        CausalAttentionTuning(tiny_checkpoint(), **{"steps": 1, **options}).fit(risk_rows(2))


def test_texts_that_are_plain_or_alone_are_refused():
    with pytest.raises(DataError, match="texts must be a list of CausalText"):
        CausalAttentionTuning(tiny_checkpoint()).fit(["a", "b"])
    with pytest.raises(DataError, match="shown must be a list of CausalText"):
        CausalAttentionTuning(tiny_checkpoint()).fit(risk_rows(2), shown=risk_rows(1)[0])
