r"""Deep feature instrumental variable regression: two-stage least squares on features that are learned.

The structural function is linear in learned features of the treatment and the covariates,
:math:`g(t, x) = u^\top\big([\psi(t), 1] \otimes [\xi(x), 1]\big)`. On one half of the rows a ridge regression predicts
the treatment features from learned features of instruments and covariates,

.. math:: \hat V = \arg\min_V \sum_i \|\psi(t_i) - V [\phi(z_i, x_i), 1]\|^2 + n_1 \lambda_1 \|V\|^2,

and on the other half a ridge regression fits the outcome with the predicted features in place of the real ones,

.. math:: \hat u = \arg\min_u \sum_i \big(y_i - u^\top([\hat V [\phi(z_i, x_i), 1], 1] \otimes [\xi(x_i), 1])\big)^2
   + n_2 \lambda_2 \|u\|^2 .

The three feature networks take turns: :math:`\phi` lowers the first loss, :math:`\xi` and then :math:`\psi` the second,
the last through both ridge regressions. When training ends both are solved once more.

Source: Xu, Chen, Srinivasan, de Freitas, Doucet & Gretton (2021), ICLR, "Learning deep features in instrumental
variable regression", and the authors' published programme.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check
from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, mlp, tensor
from yinguo.nets.ridge import augmented, kron_rows, ridge_loss, ridge_weights
from yinguo.nets.trainer import Batch, Phase, Trainer, Validation

__all__ = ["DFIV"]


class DFIV(StructuralEstimator):
    """Deep feature instrumental variable regression.

    **Use it when** the effect of the treatment may bend in ways no fixed basis foresees, covariates may change it, and
    there are some thousand rows. **Not when** a line will do: two-stage least squares then has a standard error, which
    this has not.

    **Assumes** relevant instruments that reach the outcome through the treatment alone, noise that adds to the effect,
    and instruments rich enough to tell effect curves apart.

    **Where we differ from the paper or its code, and why**: all columns are standardised, so that the penalties and the
    learning rate mean the same on every table; the published weight decay on the covariate network, which the authors
    set against a sum over rows of squares in the outcome's own unit, where it is nothing, is left out. The learning
    rate is three times theirs and psi has eight features and five steps a round where theirs has one and one (their
    experiment is linear in the treatment); all of it predicts unseen outcomes of the experiment better. The weights
    kept are those of the round that predicts best, through the second stage, the outcomes of the rows that only the
    first stage has seen; they keep those of the last round.

    Parameters
    ----------
    treatment_features : sequence of int
        Widths of the layers of psi; the last is the number of features.
    instrument_features : sequence of int
        Widths of the layers of phi.
    covariate_features : sequence of int
        Widths of the layers of xi; without covariates there is no such network.
    stage1_penalty, stage2_penalty : float
        Ridge penalties of the two stages, per row.
    epochs : int
        Rounds of turns.
    stage1_steps, covariate_steps, stage2_steps : int
        Steps in a row of phi, xi and psi.
    learning_rate : float
        Of Adam, for all three networks.
    split : float in (0, 1)
        Share of the rows, drawn at random, that the first stage learns from.
    patience : int or None
        Rounds without a better second-stage loss on the rows of the first stage after which training stops; None
        goes through all rounds. Either way the weights of the best round are kept.
    device : str
        Where to compute.
    random_state : int, Generator or None
        Split and first weights.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 600))
    >>> study = yg.Study.from_arrays(np.empty((600, 0)), Z + U, np.abs(Z + U) + U, Z=Z)
    >>> curve = yg.DFIV(epochs=10, random_state=1).fit(study)
    >>> curve.predict(None, [-2.0, 0.0, 2.0]).shape
    (3,)
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        assumes=("relevance", "exclusion", "as_if_random", "additive_noise", "complete", "no_interference"),
        holds=(),
        all_rows=True,
        trains=True,
    )
    name = "dfiv"

    def __init__(
        self,
        *,
        treatment_features: Sequence[int] = (32, 8),
        instrument_features: Sequence[int] = (128, 64, 32),
        covariate_features: Sequence[int] = (128, 32, 16),
        stage1_penalty: float = 0.1,
        stage2_penalty: float = 0.1,
        epochs: int = 100,
        stage1_steps: int = 20,
        covariate_steps: int = 20,
        stage2_steps: int = 5,
        learning_rate: float = 3e-3,
        split: float = 0.5,
        patience: int | None = 15,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.treatment_features = treatment_features
        self.instrument_features = instrument_features
        self.covariate_features = covariate_features
        self.stage1_penalty = stage1_penalty
        self.stage2_penalty = stage2_penalty
        self.epochs = epochs
        self.stage1_steps = stage1_steps
        self.covariate_steps = covariate_steps
        self.stage2_steps = stage2_steps
        self.learning_rate = learning_rate
        self.split = split
        self.patience = patience
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "DFIV":
        """Estimate on a study; see :class:`DFIV`."""
        Y, T, X, Z = self.take_roles(study)
        rng = as_rng(self.random_state)
        order = rng.permutation(study.n)
        first = max(2, min(study.n - 2, round(self.split * study.n)))
        halves = {"1": order[:first], "2": order[first:]}
        self.scales_ = {"Y": Standardiser(Y), "T": Standardiser(T), "X": Standardiser(X)}
        columns = {
            "Y": tensor(self.scales_["Y"](Y)),
            "T": tensor(self.scales_["T"](T)),
            "X": tensor(self.scales_["X"](X)),
            "ZX": tensor(np.column_stack([Standardiser(Z)(Z), self.scales_["X"](X)])),
        }
        data = {name + half: column[rows] for name, column in columns.items() for half, rows in halves.items()}
        network = _Features(self, Z.shape[1], X.shape[1], make_generator(int(rng.integers(2**63))))
        data = {name: value.to(self.device) for name, value in data.items()}
        held_out = Validation(
            "second-stage loss on the rows of the first stage, whose outcomes no stage learns from",
            lambda: network.held_out_loss(data),
            patience=self.patience,
        )
        self.history_ = Trainer(epochs=self.epochs, device=self.device).fit(network, data, held_out)
        network.settle(data)
        self.network_ = network
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for features learned by networks; bootstrap it, or use 2sls.",
            checks=(first_stage_check,),
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            g = self.network_(
                tensor(self.scales_["T"](T)).to(self.device), tensor(self.scales_["X"](X)).to(self.device)
            )
        return self.scales_["Y"].back(g[:, 0].cpu().numpy())


class _Features(nn.Module):
    """The three feature networks and the two ridge regressions between them."""

    def __init__(self, options: DFIV, instruments: int, covariates: int, generator: torch.Generator) -> None:
        super().__init__()
        self.options = options
        self.psi = mlp([1, *options.treatment_features], generator=generator)
        inside = options.instrument_features
        self.phi = mlp([instruments + covariates, *inside], generator=generator, batch_norm={len(inside) - 1})
        self.xi = None
        if covariates:
            widths = options.covariate_features
            self.xi = mlp([covariates, *widths], generator=generator, batch_norm={len(widths) - 2}, final="relu")
        self.predicted: torch.Tensor | None = None
        self.weights = torch.empty(0)  # solved, not trained: see settle

    def phases(self) -> list[Phase]:
        """phi on the first stage; xi, then psi, on the second."""
        adam = lambda module: torch.optim.Adam(module.parameters(), lr=self.options.learning_rate)  # noqa: E731
        turns = [Phase("stage 1", self.stage1_losses, adam(self.phi), self.options.stage1_steps, [self.phi])]
        if self.xi is not None:
            turns.append(
                Phase("covariates", self.covariate_losses, adam(self.xi), self.options.covariate_steps, [self.xi])
            )
        return [*turns, Phase("stage 2", self.stage2_losses, adam(self.psi), self.options.stage2_steps, [self.psi])]

    def forward(self, T: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        """(n, 1) treatments and (n, p) covariates to (n, 1) values of g."""
        return self.joint(self.psi(T), X) @ self.weights

    def stage1_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """How badly phi predicts the treatment features."""
        self.predicted = None
        penalty = self.options.stage1_penalty * len(batch["T1"])
        return {"loss": ridge_loss(augmented(self.phi(batch["ZX1"])), self.psi(batch["T1"]), penalty)}

    def covariate_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """How badly the predicted treatment features and xi predict the outcome."""
        if self.predicted is None:  # the same for all steps of this turn: only xi moves
            with torch.no_grad():
                self.predicted = self.projected(batch)
        return self.outcome_losses(self.predicted, batch)

    def stage2_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The same loss as a function of psi, which changes the predicted features as well."""
        self.predicted = None
        return self.outcome_losses(self.projected(batch), batch)

    def outcome_losses(self, predicted: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
        """The penalised squares of the second stage."""
        penalty = self.options.stage2_penalty * len(batch["Y2"])
        return {"loss": ridge_loss(self.joint(predicted, batch["X2"]), batch["Y2"], penalty)}

    def projected(self, batch: Batch, onto: str = "ZX2") -> torch.Tensor:
        """Treatment features as the first stage predicts them for other rows; linear in psi of the first half."""
        with torch.no_grad():  # phi stands still in every turn that asks for this
            one, two = (augmented(self.phi(batch[half])) for half in ("ZX1", onto))
        return two @ ridge_weights(one, self.psi(batch["T1"]), self.options.stage1_penalty * len(one))

    def joint(self, treatment: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        """All products of treatment and covariate features, each with a constant."""
        features = augmented(treatment)
        return features if self.xi is None else kron_rows(features, augmented(self.xi(X)))

    def held_out_loss(self, data: Batch) -> float:
        """How well the second stage predicts the outcomes of the rows that only the first stage has seen."""
        self.settle(data)
        features = self.joint(self.projected(data, onto="ZX1"), data["X1"])
        return float((data["Y1"] - features @ self.weights).square().mean())

    @torch.no_grad()
    def settle(self, data: Batch) -> None:
        """Solve both stages with the final features."""
        features = self.joint(self.projected(data), data["X2"])
        self.weights = ridge_weights(features, data["Y2"], self.options.stage2_penalty * len(features))
