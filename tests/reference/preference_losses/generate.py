"""Make trl.json: losses of DPO and SimPO as trl's own trainers compute them from two small models.

Run with trl installed beside transformers (it is no dependency of ours): python generate.py. Also checked here: the
log-probabilities that go into the file, which are ours, are those of trl.
"""

import json
import tempfile
from pathlib import Path

import torch
import trl
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer
from trl.experimental.cpo.cpo_trainer import CPOTrainer

from datasets import Dataset
from yinguo.language import score_sequences

WORDS = ["<pad>", "<end>", *"abcdefgh"]
ROWS = [
    {"prompt": "a b", "chosen": " c d e", "rejected": " f"},
    {"prompt": "h", "chosen": " a", "rejected": " b b c d"},
    {"prompt": "c d e", "chosen": " g g", "rejected": " a h"},
]


def small(seed: int) -> GPT2LMHeadModel:
    """A model of one layer whose probabilities are far from even."""
    torch.manual_seed(seed)
    config = GPT2Config(vocab_size=len(WORDS), n_positions=16, n_embd=16, n_layer=1, n_head=2, initializer_range=0.6,
                        pad_token_id=0, eos_token_id=1, bos_token_id=1)  # fmt: skip
    return GPT2LMHeadModel(config).eval()


def main() -> None:
    """Compute and write."""
    words = Tokenizer(models.WordLevel({word: k for k, word in enumerate(WORDS)}, unk_token="<pad>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<end>")
    policy, reference = small(0), small(1)
    kept: dict = {
        "trl": trl.__version__,
        "call": "DPOTrainer.compute_loss; CPOTrainer.cpo_loss",
        "dpo": [],
        "simpo": [],
    }
    for beta in (0.1, 0.5):
        with tempfile.TemporaryDirectory() as folder:
            settings = DPOConfig(output_dir=folder, beta=beta, report_to=[], use_cpu=True, disable_dropout=True,
                                 bf16=False, max_length=None)  # fmt: skip
            trainer = DPOTrainer(policy, reference, args=settings, train_dataset=Dataset.from_list(ROWS),
                                 processing_class=tokenizer)  # fmt: skip
            batch = trainer.data_collator([trainer.train_dataset[k] for k in range(len(ROWS))])
            trainer.model.eval()
            with torch.no_grad():
                loss = float(trainer.compute_loss(trainer.model, dict(batch)))
            kept["dpo"].append({"beta": beta, "loss": loss})
            logged = trainer._metrics["eval"]["logps/chosen"][0], trainer._metrics["eval"]["logps/rejected"][0]
    given = (batch["attention_mask"].bool() & ~batch["completion_mask"].bool()).sum(1)
    with torch.no_grad():
        scores = [
            score_sequences(model, batch["input_ids"], padding=batch["attention_mask"], prompt=given)
            for model in (policy, reference)
        ]
    n = len(ROWS)
    assert abs(scores[0].total[:n].mean() - logged[0]) < 1e-4, (scores[0].total, logged)
    assert abs(scores[0].total[n:].mean() - logged[1]) < 1e-4
    names = ("won", "lost", "first_won", "first_lost")
    parts = (*scores[0].total.split(n), *scores[1].total.split(n))
    kept["inputs"] = {name: part.double().tolist() for name, part in zip(names, parts, strict=True)}

    class Loss:  # what cpo_loss reads of its trainer
        alpha, label_smoothing, loss_type = 0.0, 0.0, "simpo"
        accelerator = type("A", (), {"device": "cpu"})

    for beta, gamma in ((2.0, 0.5), (2.5, 1.6)):
        Loss.beta, Loss.simpo_gamma = beta, gamma
        won, lost = (torch.tensor(kept["inputs"][name], dtype=torch.float64) for name in ("won", "lost"))
        losses = CPOTrainer.cpo_loss(Loss, won, lost)[0]
        kept["simpo"].append({"beta": beta, "gamma": gamma, "loss": float(losses.mean())})
    Path(__file__).with_name("trl.json").write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
