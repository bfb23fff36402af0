"""Two hops inside models of transformers: unchanged at the start, exact in the limit, in order, trainable."""

import copy

import pytest

pytest.importorskip("transformers")
pytest.importorskip("peft")

from yinguo.errors import DataError
from yinguo.language.gcn_transformers import use_gcn_attention
from yinguo.language.graph_penalties import GraphPenalty
from yinguo.language.hub import transformers
from yinguo.nets import torch


def llama():
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=40, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, max_position_embeddings=32, initializer_range=0.3,
    )  # fmt: skip
    return transformers.LlamaForCausalLM._from_config(config, attn_implementation="eager").eval()


def bert():
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=40, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=3,
        max_position_embeddings=32, initializer_range=0.3,
    )  # fmt: skip
    return transformers.BertModel._from_config(config, attn_implementation="eager").eval()


def gpt2():
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=40, n_embd=24, n_layer=2, n_head=3, n_positions=32,
                                     initializer_range=0.3, bos_token_id=0, eos_token_id=0)  # fmt: skip
    return transformers.GPT2LMHeadModel._from_config(config, attn_implementation="eager").eval()


TOKENS = torch.arange(1, 21).reshape(2, 10)
LEFT, RIGHT = torch.ones(2, 10, dtype=torch.long), torch.ones(2, 10, dtype=torch.long)
LEFT[0, :3] = 0
RIGHT[0, 7:] = 0


def read(model, mask=None, tokens=TOKENS):
    with torch.no_grad():
        return model(tokens, attention_mask=mask, output_attentions=True)


@pytest.mark.parametrize("make", [llama, bert, gpt2])
@pytest.mark.parametrize("mask", [None, LEFT, RIGHT])
def test_with_its_gate_shut_the_model_is_what_it_was(make, mask):
    model = make()
    before = read(model, mask)
    use_gcn_attention(model)
    after = read(model, mask)
    real = torch.ones(2, 10, dtype=torch.bool) if mask is None else mask.bool()
    assert torch.allclose(before[0][real], after[0][real], atol=1e-5)
    for old, new in zip(before.attentions, after.attentions, strict=True):
        assert torch.allclose(old.transpose(1, 2)[real], new.transpose(1, 2)[real], atol=1e-6)


@pytest.mark.parametrize("make", [llama, bert])
def test_open_and_linear_the_first_layer_mixes_values_by_the_square_of_attention(make):
    model = make()
    use_gcn_attention(model, sigma="identity", gate=1.0)
    seen = {}
    decoder = make is llama
    part = model.model.layers[0].self_attn if decoder else model.encoder.layer[0].attention.self
    values, output = (part.v_proj, part.o_proj) if decoder else (part.value, None)
    values.register_forward_hook(lambda _, __, out: seen.update(value=out))
    if decoder:
        output.register_forward_pre_hook(lambda _, args: seen.update(mixed=args[0]))
    else:
        part.register_forward_hook(lambda _, __, out: seen.update(mixed=out[0]))
    A = read(model).attentions[0]
    heads, groups = (6, 3) if decoder else (3, 1)
    value = seen["value"].view(2, 10, heads // groups, -1).transpose(1, 2)
    # Head k of the queries shares the values of group k // (heads per group).
    shared = torch.stack([value[:, k // groups] for k in range(heads)], dim=1)
    expected = (A @ A @ shared).transpose(1, 2).reshape(2, 10, -1)
    assert torch.allclose(seen["mixed"], expected, atol=1e-5)


@pytest.mark.parametrize("make", [llama, gpt2])
def test_a_decoder_with_open_gates_does_not_see_what_comes_after(make):
    model = make()
    shut = read(make()).logits
    use_gcn_attention(model, gate=0.7)
    changed = TOKENS.clone()
    changed[:, 6:] = changed[:, 6:] + 15
    before, after = read(model).logits, read(model, tokens=changed).logits
    assert torch.allclose(before[:, :6], after[:, :6], atol=1e-5)
    assert not torch.allclose(before[:, 6:], after[:, 6:], atol=1e-2)
    assert not torch.allclose(before, shut, atol=1e-2)  # the second hop does something


@pytest.mark.parametrize("make", [llama, bert])
def test_padding_says_nothing_to_the_tokens_beside_it(make):
    model = make()
    use_gcn_attention(model, gate=1.0)
    padded = read(model, RIGHT)[0][0, :7]
    alone = read(model, tokens=TOKENS[:1, :7])[0][0]
    assert torch.allclose(padded, alone, atol=1e-5)


def test_tuning_the_new_weights_lowers_the_loss_and_leaves_the_old_ones_alone():
    model = llama()
    new = use_gcn_attention(model, gate=0.1)
    assert {name.rsplit(".", 1)[1] for name in new} == {"gate", "second"}
    assert len(new) == 4
    old = {name: p.detach().clone() for name, p in model.named_parameters() if name not in new}
    model.requires_grad_(False)
    for weight in new.values():
        weight.requires_grad_(True)
    optimiser = torch.optim.Adam(new.values(), lr=0.05)
    losses = []
    for _ in range(12):
        optimiser.zero_grad()
        loss = model(TOKENS, labels=TOKENS).loss
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    assert all(torch.equal(p, old[name]) for name, p in model.named_parameters() if name not in new)


def test_a_tuned_model_is_saved_and_loaded_by_its_state():
    model = llama()
    new = use_gcn_attention(model, gate=0.5)
    with torch.no_grad():
        for weight in new.values():
            weight.add_(0.1)
    saved = copy.deepcopy(model.state_dict())
    again = llama()
    use_gcn_attention(again)
    again.load_state_dict(saved)
    assert torch.equal(read(model).logits, read(again).logits)


def test_only_the_layers_asked_for_are_changed_and_others_are_refused():
    model = bert()
    assert {name.split(".gcn")[0] for name in use_gcn_attention(model, layers=[1])} == {
        "encoder.layer.1.attention.self"
    }
    with pytest.raises(DataError, match=r"attention layers 0 to 1; there is no \[5\]"):
        use_gcn_attention(bert(), layers=[5])


def test_a_cache_is_refused_with_the_remedy_and_generating_without_one_works():
    model = llama()
    use_gcn_attention(model, gate=1.0)
    made = model.generate(TOKENS, attention_mask=torch.ones_like(TOKENS), max_new_tokens=3, do_sample=False,
                          pad_token_id=0)  # fmt: skip
    assert made.shape == (2, 13)
    cache = model(TOKENS, use_cache=True).past_key_values
    with pytest.raises(DataError, match=r"1 new tokens came with 11 .*use_cache=False"):
        model(TOKENS[:, :1], past_key_values=cache, use_cache=True)


def test_a_model_outside_the_registry_is_refused():
    with pytest.raises(DataError, match="Linear does not choose its attention from the registry"):
        use_gcn_attention(torch.nn.Linear(2, 2))


def test_the_penalties_reach_the_queries_of_an_encoder():
    model = bert()
    use_gcn_attention(model)
    terms = GraphPenalty(alpha=1.0, boundary_strength=1.0).losses(model(TOKENS, output_attentions=True).attentions)
    sum(terms.values()).backward()
    assert model.encoder.layer[0].attention.self.query.weight.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("given", "words"), [({"gate": float("nan")}, "gate is nan"), ({"layers": 1}, "layers is 1; name some in a list")]
)
def test_a_gate_that_is_no_number_and_a_single_layer_are_refused(given, words):
    config = transformers.BertConfig(
        hidden_size=8, num_attention_heads=2, intermediate_size=8, num_hidden_layers=1, vocab_size=20
    )
    with pytest.raises(DataError, match=words):
        use_gcn_attention(transformers.BertModel(config), **given)
    with pytest.raises(DataError, match="the model is 'smollm2'"):
        use_gcn_attention("smollm2")
