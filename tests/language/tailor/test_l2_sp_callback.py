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


def test_gradient_descent_with_the_callback_ends_where_loss_and_penalty_are_least(tmp_path, monkeypatch):
    # A folder called datasets stands where Python looks when the tests run, and the Trainer takes it for the library.
    monkeypatch.setattr(transformers.trainer, "is_datasets_available", lambda: False)
    model, strength = Line(), 3.0
    start = torch.cat([model.layer.weight.detach()[0], model.layer.bias.detach()]).double()
    rows = [{"x": [1.0, 0.5 * k], "labels": 3.0 + k} for k in range(8)]
    options = transformers.TrainingArguments(
        str(tmp_path), num_train_epochs=60, learning_rate=0.05, optim="sgd", lr_scheduler_type="constant",
        per_device_train_batch_size=8, report_to=[], save_strategy="no", disable_tqdm=True, use_cpu=True,
        max_grad_norm=0, logging_strategy="no",
    )  # fmt: skip
    callback = L2SPCallback(L2SP(model, strength=strength))
    transformers.Trainer(model, options, train_dataset=rows, callbacks=[callback]).train()
    X = torch.tensor([[*row["x"], 1.0] for row in rows], dtype=torch.float64)
    y = torch.tensor([row["labels"] for row in rows], dtype=torch.float64)
    system = X.T @ X / 8 + strength * torch.eye(3, dtype=torch.float64)
    best = torch.linalg.solve(system, X.T @ y / 8 + strength * start)
    found = torch.cat([model.layer.weight.detach()[0], model.layer.bias.detach()]).double()
    assert torch.allclose(found, best, atol=1e-4)
    assert (torch.linalg.lstsq(X, y[:, None]).solution[:, 0] - best).norm() > 0.5
