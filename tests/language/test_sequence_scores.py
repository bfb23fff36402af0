"""Log-probabilities of sequences: normalised, shifted by one, blind to padding."""

import itertools
import math

import pytest

torch = pytest.importorskip("torch")

from yinguo.errors import DataError  # noqa: E402
from yinguo.language.sequence_scores import score_sequences, score_texts, token_log_probabilities  # noqa: E402
from yinguo.language.small_gpt import SmallGPT  # noqa: E402
from yinguo.nets.blocks import make_generator  # noqa: E402

VOCABULARY, START = 5, 4
TOKENS = torch.randint(VOCABULARY, (6, 9), generator=make_generator(1))
LENGTHS = torch.tensor([9, 7, 5, 4, 2, 9])


def model(vocabulary=VOCABULARY, length=12):
    return SmallGPT(vocabulary=vocabulary, length=length, width=16, heads=2, generator=make_generator(0)).eval()


def padded(side):
    """The same texts with padding on one side."""
    tokens, real = torch.full((6, 9), 3), torch.zeros(6, 9, dtype=torch.bool)
    for i, n in enumerate(LENGTHS.tolist()):
        place = slice(0, n) if side == "right" else slice(9 - n, 9)
        tokens[i, place], real[i, place] = TOKENS[i, :n], True
    return tokens, real


def slow(gpt, row, prompt):
    """One text, one token at a time."""
    total = 0.0
    for t in range(prompt, len(row)):
        scores = gpt(row[None, :t]).logits[0, -1].double()
        total += (scores[row[t]] - torch.log(torch.exp(scores).sum())).item()
    return total


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("prompt", [1, 2])
@torch.no_grad()
def test_the_score_is_that_of_a_slow_loop_over_texts_and_tokens(side, prompt):
    gpt = model()
    tokens, real = padded(side)
    found = score_sequences(gpt, tokens, padding=real, prompt=prompt)
    expected = [slow(gpt, TOKENS[i, :n], prompt) for i, n in enumerate(LENGTHS.tolist())]
    assert torch.allclose(found.total, torch.tensor(expected), atol=1e-5)
    assert torch.equal(found.count, (LENGTHS - prompt).clamp(min=0))


@torch.no_grad()
def test_scores_stand_where_their_tokens_stand():
    gpt = model()
    by_side = {}
    for side in ("left", "right"):
        tokens, real = padded(side)
        found = score_sequences(gpt, tokens, padding=real)
        assert (found.by_token[~found.scored] == 0).all()
        assert (found.by_token[found.scored] < 0).all()
        assert not (found.scored & ~real).any()
        by_side[side] = found.by_token[found.scored]
    assert torch.allclose(by_side["left"], by_side["right"], atol=1e-6)


@torch.no_grad()
def test_the_token_that_pads_does_not_matter():
    tokens, real = padded("right")
    other = torch.where(real, tokens, 1)
    gpt = model()
    assert torch.equal(
        score_sequences(gpt, tokens, padding=real).total, score_sequences(gpt, other, padding=real).total
    )


@torch.no_grad()
def test_probabilities_of_all_texts_of_one_length_sum_to_one():
    texts = torch.tensor(list(itertools.product(range(VOCABULARY), repeat=4)))
    tokens = torch.cat([torch.full((len(texts), 1), START), texts], dim=1)
    assert score_sequences(model(), tokens).total.exp().sum().item() == pytest.approx(1, abs=1e-5)


@torch.no_grad()
def test_texts_that_begin_with_a_prompt_have_its_probability_together():
    gpt = model()
    texts = torch.tensor([[START, 2, *rest] for rest in itertools.product(range(VOCABULARY), repeat=3)])
    whole, after = score_sequences(gpt, texts).total, score_sequences(gpt, texts, prompt=2).total
    assert after.exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert whole.exp().sum().item() == pytest.approx(math.exp(slow(gpt, texts[0, :2], 1)), abs=1e-6)


def test_a_constant_added_to_the_logits_changes_nothing_but_raw_logits_would_notice():
    logits = torch.randn(2, 7, 5, generator=make_generator(2))
    tokens = TOKENS[:2, :7]
    moved = logits + torch.arange(7.0)[None, :, None]
    assert torch.allclose(token_log_probabilities(logits, tokens), token_log_probabilities(moved, tokens), atol=1e-5)

    def raw(scores):  # as released elsewhere: not normalised, not shifted
        return scores.gather(-1, tokens[..., None]).sum(dim=(1, 2))

    assert not torch.allclose(raw(logits), raw(moved))
    assert not torch.allclose(raw(logits), token_log_probabilities(logits, tokens).sum(1), atol=0.5)


def test_chunks_change_neither_values_nor_gradients():
    logits = torch.randn(3, 9, 5, generator=make_generator(3), dtype=torch.float64)
    found = []
    for chunk in (1, 3, 100):
        z = logits.clone().requires_grad_(True)
        scores = token_log_probabilities(z, TOKENS[:3], chunk=chunk)
        (scores * torch.arange(8)).sum().backward()
        found.append((scores.detach(), z.grad))
    for scores, gradient in found[1:]:
        assert torch.allclose(scores, found[0][0])
        assert torch.allclose(gradient, found[0][1])


def test_half_precision_logits_are_normalised_in_single_precision():
    logits = torch.randn(3, 9, 5, generator=make_generator(3))
    half = token_log_probabilities(logits.bfloat16(), TOKENS[:3])
    assert half.dtype == torch.float32
    assert torch.allclose(half, token_log_probabilities(logits.bfloat16().float(), TOKENS[:3]))


def test_a_gradient_reaches_the_model():
    gpt = model()
    score_sequences(gpt, TOKENS).total.sum().backward()
    assert gpt.head.weight.grad.abs().max() > 0


def test_bad_input_is_refused_with_the_value_met():
    with pytest.raises(DataError, match=r"shape \(6, 3\) and tokens \(6, 9\)"):
        score_sequences(model(), TOKENS, padding=torch.ones(6, 3))
    with pytest.raises(DataError, match="prompt is 0; it must be a whole number, at least 1"):
        score_sequences(model(), TOKENS, prompt=0)


class Letters:
    """A tokenizer of five letters."""

    bos_token_id, eos_token_id = START, 3

    def __call__(self, text, add_special_tokens=False):
        return {"input_ids": ["abcd".index(letter) for letter in text]}


def test_texts_are_scored_in_the_order_given_whatever_the_batches():
    gpt = model().train()
    texts = ["abca", "b", "ccab", "aa", "c"]
    together = score_texts(gpt, Letters(), texts, rows=2)
    apart = [score_texts(gpt, Letters(), [text]).total[0] for text in texts]
    assert together.total == pytest.approx(apart, abs=1e-5)
    assert together.count.tolist() == [4, 1, 4, 2, 1]
    assert gpt.training
    with torch.no_grad():
        assert together.total[0] == pytest.approx(slow(gpt.eval(), torch.tensor([4, 0, 1, 2, 0]), 1), abs=1e-5)


def test_the_chain_rule_joins_prompt_text_and_end():
    gpt = model()
    whole = score_texts(gpt, Letters(), ["abcc"], end=True).total
    parts = score_texts(gpt, Letters(), ["ab"]).total
    # A prompt stands for itself: the start token has to be in it.
    with pytest.raises(DataError, match="2 prompts for 1 texts"):
        score_texts(gpt, Letters(), ["a"], prompts=["b", "c"])
    with pytest.raises(DataError, match="text 1 has no token"):
        score_texts(gpt, Letters(), ["a", ""])
    rest = score_sequences(gpt, torch.tensor([[4, 0, 1, 2, 2, 3]]), prompt=3).total.item()
    assert whole[0] == pytest.approx(parts[0] + rest, abs=1e-5)


@pytest.mark.parametrize("side", ["right", "left"])
@torch.no_grad()
def test_a_decoder_of_transformers_agrees_with_its_own_loss(side):
    pytest.importorskip("transformers")
    pytest.importorskip("peft")
    from yinguo.language.hub import transformers

    config = transformers.GPT2Config(vocab_size=5, n_positions=12, n_embd=16, n_layer=1, n_head=2, use_cache=True)
    gpt = transformers.GPT2LMHeadModel(config).eval()
    tokens, real = padded(side)
    found = score_sequences(gpt, tokens, padding=real)
    for i, n in enumerate(LENGTHS.tolist()):
        row = TOKENS[i : i + 1, :n]
        assert found.mean[i].item() == pytest.approx(-gpt(row, labels=row).loss.item(), abs=1e-5)


@pytest.mark.parametrize(
    ("tokens", "given", "words"),
    [
        ([[0, 1]], {}, "give an integer tensor"),
        (torch.zeros(2, 3), {}, "float32 of shape"),
        (torch.zeros(3, dtype=torch.long), {}, "of shape"),
        (torch.full((2, 3), -1), {}, "a token is -1"),
        (torch.full((2, 3), 99), {}, "99; the model knows 0 to 4"),
        (torch.zeros(2, 9, dtype=torch.long), {}, "the model takes at most 6"),
        (torch.zeros(2, 3, dtype=torch.long), {"prompt": 2.5}, r"prompt is 2\.5"),
        (torch.zeros(2, 3, dtype=torch.long), {"prompt": torch.ones(3, dtype=torch.long)}, "one for each of the 2"),
        (torch.zeros(2, 3, dtype=torch.long), {"chunk": 0}, "chunk is 0"),
    ],
)
def test_tokens_that_the_model_cannot_read_are_refused(tokens, given, words):
    small = SmallGPT(vocabulary=5, length=6, width=8, layers=1, heads=2, generator=make_generator(0))
    with pytest.raises(DataError, match=words):
        score_sequences(small, tokens, **given)


@pytest.mark.parametrize(
    ("texts", "given", "words"),
    [("abc", {}, "texts is 'abc'"), ([None], {}, "no text"), (["a"], {"rows": -1}, "rows is -1"),
     (["a"], {"prompts": "p"}, "prompts is 'p'")],
)  # fmt: skip
def test_texts_that_are_no_list_and_rows_below_one_are_refused(texts, given, words):
    with pytest.raises(DataError, match=words):
        score_texts(None, None, texts, **given)
