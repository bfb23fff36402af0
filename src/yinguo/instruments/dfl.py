r"""Deep feature learning without instruments: the confounded regression that instruments are judged against.

The outcome is regressed on learned features of the treatment and the covariates,

.. math:: g(t, x) = w^\top\big([\phi(t), 1] \otimes [\psi(x), 1]\big), \qquad
   \hat w = \arg\min_w \sum_i \big(y_i - g(t_i, x_i)\big)^2 + n \lambda \|w\|^2,

where :math:`\phi` and :math:`\psi` take turns in lowering the smallest penalised loss that weights w can give. It is
deep feature instrumental variable regression with the real treatment features in place of the predicted ones, hence its
place beside it.

Source: the baseline of Xu, Chen, Srinivasan, de Freitas, Doucet & Gretton (2021), ICLR, "Learning deep features in
instrumental variable regression", as in the authors' published programme.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, mlp, tensor
from yinguo.nets.ridge import augmented, kron_rows, ridge_loss, ridge_weights
from yinguo.nets.stage import split_rows
from yinguo.nets.trainer import Batch, Phase, Trainer, Validation

__all__ = ["DFL"]


class DFL(StructuralEstimator):
    """Outcome regression on learned features, instruments ignored: what confounding does to a good regression.

    **Use it when** you want to see how far a flexible regression is from an instrumental-variable answer, or when there
    is no unmeasured confounder. **Not when** there is one: the answer is then wrong however many rows there are, and no
    output of this method can tell.

    **Assumes** that every cause shared by treatment and outcome is among the covariates. It needs no instruments and
    does not use them.

    **Where we differ from the paper or its code, and why**: all columns are standardised; the epoch that does best on
    held-out rows is kept, with its weights w solved once more on the rows that trained; the published weight decay on
    the covariate network, which is nothing against a sum of squares in the outcome's own unit, is left out, and the
    penalty is smaller for the same reason.

    Parameters
    ----------
    treatment_features : sequence of int
        Widths of the layers of phi; the last is the number of features.
    covariate_features : sequence of int
        Widths of the layers of psi; without covariates there is no such network.
    penalty : float
        Ridge penalty, per row.
    epochs : int
        Rounds of turns.
    treatment_steps, covariate_steps : int
        Steps in a row of phi and of psi, on all rows.
    learning_rate : float
        Of Adam, for both networks.
    validation : float in (0, 1)
        Share of the rows held out to choose the epoch.
    patience : int or None
        Epochs without a new best after which training stops.
    device : str
        Where to compute.
    random_state : int, Generator or None
        Split and first weights.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 1))
    >>> T = X[:, 0] + rng.normal(size=300)
    >>> study = yg.Study.from_arrays(X, T, np.abs(T) + X[:, 0])
    >>> yg.DFL(epochs=5).fit(study).effect(X[:3], 0.0, 2.0).shape
    (3,)
    """

    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=(),
        assumes=("unconfounded", "overlap", "no_interference"),
        holds=(),
        all_rows=True,
        trains=True,
    )
    name = "dfl"

    def __init__(
        self,
        *,
        treatment_features: Sequence[int] = (16, 1),
        covariate_features: Sequence[int] = (128, 32, 16),
        penalty: float = 1e-3,
        epochs: int = 100,
        treatment_steps: int = 20,
        covariate_steps: int = 20,
        learning_rate: float = 1e-3,
        validation: float = 0.1,
        patience: int | None = None,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.treatment_features = treatment_features
        self.covariate_features = covariate_features
        self.penalty = penalty
        self.epochs = epochs
        self.treatment_steps = treatment_steps
        self.covariate_steps = covariate_steps
        self.learning_rate = learning_rate
        self.validation = validation
        self.patience = patience
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "DFL":
        """Estimate on a study; see :class:`DFL`."""
        Y, T, X, _ = self.take_roles(study)
        rng = as_rng(self.random_state)
        train, held = split_rows(study.n, self.validation, rng)
        self.scales_ = {"Y": Standardiser(Y), "T": Standardiser(T), "X": Standardiser(X)}
        columns = {name: tensor(self.scales_[name](array)) for name, array in (("Y", Y), ("T", T), ("X", X))}
        data, judge = (
            {name: column[torch.as_tensor(rows)].to(self.device) for name, column in columns.items()}
            for rows in (train, held)
        )
        network = _Features(self, X.shape[1], make_generator(int(rng.integers(2**63))))
        held_out = Validation(
            "squared error on held-out rows", lambda: network.held_out_loss(data, judge), patience=self.patience
        )
        self.history_ = Trainer(epochs=self.epochs, device=self.device).fit(network, data, held_out)
        network.settle(data)
        self.network_ = network
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for features learned by networks; bootstrap it, or use aipw.",
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        inputs = tensor(self.scales_["T"](T)), tensor(self.scales_["X"](X))
        with torch.no_grad():
            g = self.network_(*(column.to(self.device) for column in inputs))
        return self.scales_["Y"].back(g[:, 0].cpu().numpy())


class _Features(nn.Module):
    """Both feature networks and the ridge regression on their products."""

    def __init__(self, options: DFL, covariates: int, generator: torch.Generator) -> None:
        super().__init__()
        self.options = options
        self.phi = mlp([1, *options.treatment_features], generator=generator)
        self.psi = None
        if covariates:
            widths = options.covariate_features
            self.psi = mlp([covariates, *widths], generator=generator, batch_norm={len(widths) - 2}, final="relu")
        self.weights = torch.empty(0)  # until the first solution

    def phases(self) -> list[Phase]:
        """phi, then psi, on the same loss."""
        turns = [(self.phi, self.options.treatment_steps), (self.psi, self.options.covariate_steps)]
        return [
            Phase(name, self.losses, torch.optim.Adam(net.parameters(), lr=self.options.learning_rate), steps, [net])
            for name, (net, steps) in zip(("treatment", "covariates"), turns, strict=True)
            if net is not None
        ]

    def losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Smallest penalised squares that weights can give."""
        penalty = self.options.penalty * len(batch["Y"])
        return {"loss": ridge_loss(self.features(batch["T"], batch["X"]), batch["Y"], penalty)}

    def forward(self, T: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        """(n, 1) treatments and (n, p) covariates to (n, 1) values of g."""
        return self.features(T, X) @ self.weights

    def features(self, T: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        """All products of treatment and covariate features, each with a constant."""
        treatment = augmented(self.phi(T))
        return treatment if self.psi is None else kron_rows(treatment, augmented(self.psi(X)))

    def held_out_loss(self, data: Batch, judge: Batch) -> float:
        """Squared error on other rows, with weights from the rows that train."""
        self.settle(data)
        return float((judge["Y"] - self(judge["T"], judge["X"])).square().mean())

    @torch.no_grad()
    def settle(self, data: Batch) -> None:
        """Solve for the weights with the features as they are, in evaluation mode."""
        features = self.features(data["T"], data["X"])
        self.weights = ridge_weights(features, data["Y"], self.options.penalty * len(features))
