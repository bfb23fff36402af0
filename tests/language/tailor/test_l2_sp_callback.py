"""The penalty inside a Trainer of transformers holds the weights near where they were."""

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("accelerate")

from yinguo.language.tailor.l2_sp import L2SP  # noqa: E402
from yinguo.language.tailor.l2_sp_callback import L2SPCallback  # noqa: E402
from yinguo.nets import nn  # noqa: E402
from yinguo.nets.blocks import linear, make_generator  # noqa: E402


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = linear(2, 1, generator=make_generator(0))

    def forward(self, x, labels):
        return {"loss": (self.layer(x)[:, 0] - labels).square().mean()}


def distance(strength, folder):
    model = Line()
    start = model.layer.weight.detach().clone()
    rows = [{"x": [1.0, 0.5 * k], "labels": 3.0 + k} for k in range(8)]
    options = transformers.TrainingArguments(
        str(folder), num_train_epochs=40, learning_rate=0.05, optim="sgd", lr_scheduler_type="constant",
        per_device_train_batch_size=8, report_to=[], save_strategy="no", disable_tqdm=True, use_cpu=True,
        max_grad_norm=0, logging_strategy="no",
    )  # fmt: skip
    callback = L2SPCallback(L2SP(model, strength=strength))
    transformers.Trainer(model, options, train_dataset=rows, callbacks=[callback]).train()
    return float((model.layer.weight - start).norm())


def test_a_stronger_penalty_stays_nearer(tmp_path, monkeypatch):
    # A folder called datasets stands where Python looks when the tests run, and the Trainer takes it for the library.
    monkeypatch.setattr(transformers.trainer, "is_datasets_available", lambda: False)
    free, held = distance(0.0, tmp_path), distance(3.0, tmp_path)
    assert free > 0.5
    assert held < 0.5 * free
