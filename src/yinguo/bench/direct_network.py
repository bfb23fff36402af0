"""A network that predicts the outcome and ignores the confounding: what the tables on instruments compare with."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, mlp, tensor
from yinguo.nets.trainer import Batch, Phase, Trainer, Validation

__all__ = ["DirectNetwork"]

#: Share of the rows that decides when to stop.
HELD_OUT = 0.2
#: Rows of instruments that stand for all of them where the curve is averaged over them.
STAND_INS = 100


class DirectNetwork(StructuralEstimator):
    """Outcome on treatment and covariates by a network.

    Parameters
    ----------
    layers : sequence of int
    with_instruments : bool
        Feed the instruments as well, as the direct prediction of the AutoIV experiments does with its candidates; the
        curve is then averaged over those of the study.
    epochs, batch_size : int
    learning_rate : float
    patience : int
        Epochs without progress on a fifth of the rows after which training stops; the best weights are kept.
    random_state : int, Generator or None

    Examples
    --------
    >>> from yinguo.datasets import toy_iv
    >>> fitted = DirectNetwork(layers=(8,), epochs=30, learning_rate=1e-2).fit(toy_iv(n=500).study)
    >>> bool(fitted.result_.estimate > 1.3)
    True
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"), estimands=("ATE",), needs=(), trains=True
    )
    name = "direct-network"

    def __init__(
        self,
        *,
        layers: Sequence[int] = (128, 64, 32),
        with_instruments: bool = False,
        epochs: int = 300,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        patience: int = 20,
        random_state: Any = 0,
    ) -> None:
        self.layers = layers
        self.with_instruments = with_instruments
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.random_state = random_state

    def fit(self, study: Study) -> "DirectNetwork":
        """Estimate on a study."""
        Y, T, X, Z = self.take_roles(study)
        rng = as_rng(self.random_state)
        generator = make_generator(int(rng.integers(2**63)))
        self.Z_ = Z if self.with_instruments else np.empty((study.n, 0))
        inputs = np.column_stack([T, X, self.Z_])
        self.scales_ = Standardiser(inputs), Standardiser(Y)
        data = {"inputs": tensor(self.scales_[0](inputs)), "outcome": tensor(self.scales_[1](Y))}
        held = torch.as_tensor(rng.random(study.n) < HELD_OUT)
        train, rest = ({name: value[rows] for name, value in data.items()} for rows in (~held, held))
        network = _Network([inputs.shape[1], *self.layers, 1], self.learning_rate, generator)
        looks = Validation(
            "squared error", lambda: network.losses(rest)["squared error"].item(), patience=self.patience
        )
        trainer = Trainer(epochs=self.epochs, batch_size=self.batch_size, generator=generator)
        self.history_ = trainer.fit(network, train, looks)
        self.network_ = network
        self.result_ = self.average_effect(study, no_inference="a row of a table, not a method.")
        return self

    def predict_with(self, X: np.ndarray, T: np.ndarray, Z: np.ndarray) -> np.ndarray:
        """The prediction where the instruments are known, too: what the network was trained to give.

        Parameters
        ----------
        X : (n, p) array
        T : (n,) array
        Z : (n, q) array
        """
        if not self.with_instruments:
            return self.predict(X, T)
        with torch.no_grad():
            out = self.network_.layers(tensor(self.scales_[0](np.column_stack([T, X, Z]))))
        return self.scales_[1].back(out[:, 0].numpy().astype(float))

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        if not self.with_instruments:
            with torch.no_grad():
                out = self.network_.layers(tensor(self.scales_[0](np.column_stack([T, X]))))
            return self.scales_[1].back(out[:, 0].numpy().astype(float))
        rows = np.linspace(0, len(self.Z_) - 1, min(STAND_INS, len(self.Z_))).astype(int)
        return np.mean([self.predict_with(X, T, np.tile(Z, (len(T), 1))) for Z in self.Z_[rows]], axis=0)


class _Network(nn.Module):
    def __init__(self, sizes: Sequence[int], learning_rate: float, generator: torch.Generator) -> None:
        super().__init__()
        self.layers = mlp(sizes, generator=generator)
        self.learning_rate = learning_rate

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        return {"squared error": (batch["outcome"] - self.layers(batch["inputs"])).square().mean()}

    def phases(self) -> list[Phase]:
        return [Phase("outcome", self.losses, torch.optim.Adam(self.parameters(), lr=self.learning_rate))]
