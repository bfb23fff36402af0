"""The Trainer with two losses: what it adds, what it leaves alone, and what it asks of the model."""

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from tiny_models import byte_level_bpe, risk_rows, tiny_llama  # noqa: E402

from yinguo.errors import DataError  # noqa: E402
from yinguo.language.cat import CATTrainer, CausalCollator, chosen_attention  # noqa: E402
from yinguo.language.causal_spans import CausalText, tokenise_all  # noqa: E402

TOKENIZER = byte_level_bpe()
ROWS = tokenise_all(risk_rows(), TOKENIZER)
# Float sums of some 60 terms in another order.
TOLERANCE = 1e-6


def arguments(folder, **options):
    given = {
        "per_device_train_batch_size": 8, "learning_rate": 3e-3, "max_steps": 12, "logging_steps": 1, "seed": 1,
        "save_strategy": "no", "report_to": "none", "disable_tqdm": True, "use_cpu": True,
        "remove_unused_columns": False, "dataloader_pin_memory": False,
    }  # fmt: skip
    return transformers.TrainingArguments(output_dir=str(folder), **{**given, **options})


def trained(folder, *, model=None, steps=12, accumulate=1, size=8, side="right", rows=ROWS, rate=3e-3, **options):
    model = tiny_llama(TOKENIZER) if model is None else model
    trainer = CATTrainer(
        model,
        arguments(folder, max_steps=steps, gradient_accumulation_steps=accumulate, per_device_train_batch_size=size,
                  learning_rate=rate),
        train_dataset=rows, data_collator=CausalCollator(TOKENIZER.pad_token_id, side), **options,
    )  # fmt: skip
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    return trainer


def logged(trainer, name):
    return [entry[name] for entry in trainer.state.log_history if name in entry]


def test_at_gamma_zero_it_is_plain_tuning_bit_for_bit(tmp_path):
    ours = trained(tmp_path, gamma=0.0, answer_logits_only=False)

    class Plain(transformers.Trainer):
        """The stock one; only what a stock model does not know is taken out of the batch."""

        def compute_loss(self, model, inputs, **options):
            return super().compute_loss(model, {k: v for k, v in inputs.items() if k != "supervision"}, **options)

    plain = Plain(tiny_llama(TOKENIZER), arguments(tmp_path), train_dataset=ROWS,
                  data_collator=CausalCollator(TOKENIZER.pad_token_id))  # fmt: skip
    plain.remove_callback(transformers.PrinterCallback)
    plain.train()
    for (name, a), b in zip(ours.model.state_dict().items(), plain.model.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    before = tiny_llama(TOKENIZER).state_dict()
    assert any(not torch.equal(a, before[name]) for name, a in ours.model.state_dict().items())


def test_scores_for_the_answer_alone_give_the_loss_of_all_scores(tmp_path):
    short = trained(tmp_path, steps=4)
    whole = trained(tmp_path, steps=4, answer_logits_only=False)
    assert logged(short, "loss") == pytest.approx(logged(whole, "loss"), rel=1e-5)


@pytest.mark.parametrize("adapters", [False, True])
def test_both_losses_fall_and_attention_moves_to_the_spans(tmp_path, adapters):
    model = tiny_llama(TOKENIZER)
    rate = 3e-3
    if adapters:
        # Random embeddings stay as they are, so the words need an adapter on the last map.
        rate = 1e-2
        targets = ["q_proj", "k_proj", "v_proj", "down_proj", "lm_head"]
        model = peft.get_peft_model(
            model, peft.LoraConfig(r=8, lora_alpha=16, target_modules=targets, task_type="CAUSAL_LM")
        )
    frozen = {n: p.detach().clone() for n, p in model.named_parameters() if not p.requires_grad}
    trainer = trained(tmp_path, model=model, steps=40, gamma=1.0, alpha=5.0, rate=rate)
    assert bool(frozen) is adapters
    assert all(torch.equal(p, frozen[n]) for n, p in model.named_parameters() if n in frozen)
    for name in ("lm_loss", "attention_loss"):
        values = logged(trainer, name)
        assert sum(values[-5:]) < 0.9 * sum(values[:5]), name
    mass = logged(trainer, "attention_mass")
    assert sum(mass[-5:]) > 1.5 * sum(mass[:5])
    plain = trained(tmp_path, steps=40, gamma=1e-9, alpha=5.0)
    assert sum(mass[-5:]) > 1.5 * sum(logged(plain, "attention_mass")[-5:])


def batch_losses(trainer, rows, side):
    """Language-modelling and total loss of one batch."""
    batch = CausalCollator(TOKENIZER.pad_token_id, side)(rows)
    trainer.model.eval()
    with torch.no_grad():
        return float(trainer.compute_loss(trainer.model, batch))


@pytest.mark.parametrize("per_head", [False, True])
def test_the_side_of_padding_changes_no_loss(tmp_path, per_head):
    rows = tokenise_all(
        [CausalText.from_phrases("Weight: 4, " * k + "Smoking: 3 Answer:", "Low", {"Low": ["Smoking: 3"]})
         for k in (0, 2, 5)], TOKENIZER)  # fmt: skip
    for gamma in (0.0, 1.0):
        trainer = CATTrainer(tiny_llama(TOKENIZER), arguments(tmp_path), gamma=gamma, per_head=per_head)
        right, left = (batch_losses(trainer, rows, side) for side in ("right", "left"))
        assert left == pytest.approx(right, abs=TOLERANCE)


def test_padding_that_is_the_end_of_text_changes_no_loss(tmp_path):
    trainer = CATTrainer(tiny_llama(TOKENIZER), arguments(tmp_path), gamma=1.0)
    rows = [ROWS[0], *tokenise_all([CausalText("Weight: 1 Answer:", "Low")], TOKENIZER)]
    one, other = (
        float(trainer.compute_loss(trainer.model.eval(), CausalCollator(pad)(rows)).detach())
        for pad in (TOKENIZER.pad_token_id, TOKENIZER.eos_token_id)
    )
    assert one == pytest.approx(other, abs=TOLERANCE)


def test_rows_without_links_add_no_attention_loss(tmp_path):
    rows = tokenise_all([CausalText("Weight: 1 Answer:", "Low")], TOKENIZER)
    plain, cat = (
        batch_losses(CATTrainer(tiny_llama(TOKENIZER), arguments(tmp_path), gamma=gamma), rows, "right")
        for gamma in (0.0, 5.0)
    )
    assert cat == plain


def test_accumulated_batches_give_the_step_of_one_large_batch(tmp_path):
    same_length = [row for row in ROWS if len(row.input_ids) == len(ROWS[0].input_ids)][:8]
    # Every row with links in every part: the mean over parts is then the mean over the batch.
    small = trained(tmp_path, steps=1, accumulate=4, size=2, rows=same_length, gamma=1.0)
    large = trained(tmp_path, steps=1, accumulate=1, size=8, rows=same_length, gamma=1.0)
    assert logged(small, "grad_norm") == pytest.approx(logged(large, "grad_norm"), rel=1e-3)
    assert logged(small, "lm_loss") == pytest.approx(logged(large, "lm_loss"), rel=1e-3)


@pytest.mark.parametrize("adapters", [False, True])
def test_a_fused_attention_is_refused_with_the_name_of_the_remedy(tmp_path, adapters):
    model = tiny_llama(TOKENIZER, attention="sdpa")
    if adapters:
        model = peft.get_peft_model(model, peft.LoraConfig(target_modules=["q_proj"], task_type="CAUSAL_LM"))
    with pytest.raises(DataError, match='attn_implementation="eager"'):
        trained(tmp_path, model=model, steps=1, gamma=1.0)


def test_gamma_follows_its_schedule_epoch_by_epoch(tmp_path):
    trainer = CATTrainer(tiny_llama(TOKENIZER), arguments(tmp_path), gamma=2.0, decay=0.5)
    own = CATTrainer(tiny_llama(TOKENIZER), arguments(tmp_path), gamma=lambda epoch: 7.0 * (epoch == 1))
    found = []
    for epoch in (0.0, 0.9, 1.0, 2.4):
        trainer.state.epoch = own.state.epoch = epoch
        found.append((trainer.gamma_now(), own.gamma_now()))
    assert found == [(2.0, 0.0), (2.0, 0.0), (1.0, 7.0), (0.5, 0.0)]
    with pytest.raises(DataError, match="decay"):
        CATTrainer(tiny_llama(TOKENIZER), arguments(tmp_path), gamma=1.0, decay=1.5)


def test_layers_and_heads_are_chosen_as_asked():
    class Outputs:
        attentions = tuple(torch.rand(2, 3, 5, 5) for _ in range(4))

    given = Outputs.attentions
    mean = chosen_attention(Outputs, layers=None, per_head=False)
    assert torch.allclose(mean, torch.stack(given).mean(dim=(0, 2)))
    last = chosen_attention(Outputs, layers=[-1], per_head=False)
    assert torch.equal(last, given[3].mean(dim=1))
    heads = chosen_attention(Outputs, layers=[0, 2], per_head=True)
    assert torch.equal(heads, torch.cat([given[0], given[2]], dim=1))
    with pytest.raises(DataError, match=r"layers names \[4\]; the model has 4 layers"):
        chosen_attention(Outputs, layers=[4], per_head=False)


def test_options_of_the_attention_loss_reach_it(tmp_path):
    """Each option changes the loss of a batch: none is dropped on the way."""

    def loss(**options):
        trainer = CATTrainer(tiny_llama(TOKENIZER), arguments(tmp_path), **{"gamma": 1.0, **options})
        return batch_losses(trainer, ROWS[:4], "right")

    usual = loss()
    # Where some rows have the ratio and some have not, the mean before the hinge is not the mean after it.
    assert abs(loss(smoothed=True, alpha=1.0) - loss(alpha=1.0)) > 1e-7
    changes = (
        {"alpha": 9.0},
        {"form": "nll"},
        {"skip_first": False},
        {"layers": [0]},
        {"per_head": True},
        {"gamma": 2.0},
    )
    for options in changes:
        assert abs(loss(**options) - usual) > 1e-7, options
