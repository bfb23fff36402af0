"""A whole model tailored: limits, hooks, order, what is no linear layer, and that nothing is left behind."""

import pytest

torch = pytest.importorskip("torch")

from yinguo.errors import DataError  # noqa: E402
from yinguo.language.small_gpt import SmallGPT  # noqa: E402
from yinguo.language.tailor.curvature import (  # noqa: E402
    Moments,
    call_model,
    linear_groups,
    linear_layers,
    measure_groups,
)
from yinguo.language.tailor.model import largest_changes, tailor_model  # noqa: E402
from yinguo.nets import nn  # noqa: E402
from yinguo.nets.blocks import make_generator  # noqa: E402

TOKENS = torch.randint(0, 11, (16, 12), generator=make_generator(0))


def gpt(seed=0):
    return SmallGPT(vocabulary=11, length=12, width=16, heads=2, dropout=0.0, generator=make_generator(seed))


@pytest.fixture(scope="module")
def pair():
    """State before, and a model after a change of every weight."""
    model = gpt()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    g = make_generator(5)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=g))
    return before, model


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a) and a.keys() == b.keys()


@pytest.mark.parametrize("recompute", [True, False])
def test_density_one_is_the_tuned_model_and_density_zero_the_pretrained_one(pair, recompute):
    before, model = pair
    after = model.state_dict()
    assert same(tailor_model(model, before, [TOKENS], density=1.0, recompute=recompute).state, after)
    nothing = tailor_model(model, before, [TOKENS], density=0.0, recompute=recompute)
    assert same(nothing.state, before)
    assert nothing.density == 0.0


@pytest.mark.parametrize("recompute", [True, False])
def test_every_layer_has_a_lower_error_than_without_compensation(pair, recompute):
    before, model = pair
    made = tailor_model(model, before, [TOKENS], density=0.25, recompute=recompute)
    assert len(made.layers) == 10
    assert all(0 < layer.error < layer.uncompensated for layer in made.layers)
    assert 0.2 < made.density < 0.27


def test_the_model_has_its_own_weights_and_no_hooks_afterwards_also_when_it_fails(pair):
    before, model = pair
    after = {name: value.clone() for name, value in model.state_dict().items()}
    tailor_model(model, before, [TOKENS])

    def breaks(model, batch):
        model(batch)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        tailor_model(model, before, [TOKENS], forward=breaks)
    assert same(after, model.state_dict())
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_moments_are_those_of_the_inputs_however_the_rows_come():
    X = torch.randn(30, 5, generator=make_generator(1))
    whole, parts = Moments(5), Moments(5)
    whole.add(X)
    for part in X.split([1, 12, 0, 17]):
        parts.add(part)
    assert torch.allclose(whole.H, 2 * X.double().T @ X.double() / 30, atol=1e-5)
    assert torch.allclose(whole.H, parts.H, atol=1e-5)


def test_inputs_are_recomputed_under_the_layers_already_tailored(pair):
    """The moments of the last layer are those of a model whose earlier weights are the tailored ones."""
    before, model = pair
    made = tailor_model(model, before, [TOKENS], density=0.2)
    half = gpt()
    half.load_state_dict({**made.state, "head.weight": model.state_dict()["head.weight"]})
    layers = linear_layers(half)
    groups = [group for group in linear_groups(half, layers, TOKENS, call_model) if group.names == ("head",)]
    (moments,) = measure_groups(half, layers, groups, [TOKENS], call_model)
    from yinguo.language.tailor.layer import tailor_layer

    alone = tailor_layer(before["head.weight"], model.state_dict()["head.weight"], moments.H, density=0.2)
    assert torch.allclose(alone.weight, made.state["head.weight"], atol=1e-6)
    other = tailor_model(model, before, [TOKENS], density=0.2, recompute=False)
    assert not torch.allclose(other.state["head.weight"], made.state["head.weight"], atol=1e-4)


class Branches(nn.Module):
    """Two layers that read the same tensor, one that reads what they give, and a head tied to the embedding."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(11, 8)
        self.a, self.b, self.c = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.table.weight

    def forward(self, input_ids, attention_mask=None):
        x = self.table(input_ids)
        return self.head(self.c(self.a(x) + self.b(x)))


def test_layers_with_the_same_input_are_one_group_and_tied_heads_are_no_layer():
    model = Branches()
    layers = linear_layers(model)
    assert list(layers) == ["a", "b", "c"]
    groups = linear_groups(model, layers, TOKENS, call_model)
    assert [group.names for group in groups] == [("a", "b"), ("c",)]


def test_padding_is_left_out_of_the_moments():
    model = Branches()
    layers = linear_layers(model)
    mask = torch.ones(16, 12, dtype=torch.long)
    mask[:, 7:] = 0
    changed = TOKENS.clone()
    changed[:, 7:] = 3
    groups = linear_groups(model, layers, TOKENS, call_model)
    first, second = (
        measure_groups(model, layers, groups, [{"input_ids": tokens, "attention_mask": mask}], call_model)
        for tokens in (TOKENS, changed)
    )
    assert [m.count for m in first] == [16 * 7] * 2
    assert torch.equal(first[0].H, second[0].H)


def test_what_is_no_linear_layer_keeps_its_largest_changes_or_as_told(pair):
    before, model = pair
    after = model.state_dict()
    name = "tokens.weight"
    kept = tailor_model(model, before, [TOKENS], density=0.25).state
    change = (after[name] - before[name]).abs()
    stays = kept[name] != before[name]
    assert (stays.sum(1) == 4).all()
    assert (change.masked_fill(~stays, torch.inf).amin(1) >= change.masked_fill(stays, 0.0).amax(1)).all()
    assert torch.equal(tailor_model(model, before, [TOKENS], others="tuned").state[name], after[name])
    assert torch.equal(tailor_model(model, before, [TOKENS], others="pretrained").state["norm.bias"],
                       before["norm.bias"])  # fmt: skip


def test_layers_that_are_not_chosen_count_among_the_others(pair):
    before, model = pair
    made = tailor_model(model, before, [TOKENS], layers=lambda name: name.startswith("blocks.1"), others="tuned")
    assert {layer.name.split(".")[1] for layer in made.layers} == {"1"}
    assert torch.equal(made.state["head.weight"], model.state_dict()["head.weight"])


def test_a_vector_is_one_row_and_a_larger_array_has_one_for_each_first_index():
    pre = torch.zeros(2, 3, 2)
    tuned = torch.arange(12.0).reshape(2, 3, 2)
    assert (largest_changes(pre, tuned, 0.5) != 0).sum((1, 2)).tolist() == [3, 3]
    assert largest_changes(torch.zeros(4), torch.tensor([1.0, -5.0, 2.0, 0.5]), 0.5).tolist() == [0, -5, 2, 0]


def test_states_of_different_models_and_no_data_are_refused(pair):
    before, model = pair
    with pytest.raises(DataError, match=r"1 parameters are in one state only, first 'extra' \(pre-trained\)"):
        tailor_model(model, {**before, "extra": torch.zeros(1)}, [TOKENS])
    with pytest.raises(DataError, match=r"'head.bias' has shape \(3,\) before tuning and \(11,\) after"):
        tailor_model(model, {**before, "head.bias": torch.zeros(3)}, [TOKENS])
    with pytest.raises(DataError, match="no calibration batches"):
        tailor_model(model, before, [])
    with pytest.raises(DataError, match="others is 'none'"):
        tailor_model(model, before, [TOKENS], others="none")


def test_a_layer_that_is_never_called_is_named():
    model = Branches()
    model.spare = nn.Linear(8, 8)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(DataError, match="not called on the calibration data, first 'spare'"):
        tailor_model(model, before, [TOKENS])
