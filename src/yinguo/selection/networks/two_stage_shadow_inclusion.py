r"""The published form of two-stage shadow inclusion: feature networks, ridge regressions, then odds.

In every round turns are taken: features of instruments and covariates lower the ridge loss of the treatment feature; a
law of the treatment given :math:`\phi` is learned; :math:`\phi(z, x)`, with a network for the chance to be seen, lowers
the cross-entropy of S plus a bound on what :math:`\phi` tells of the treatment; features of the covariates, and then
that of the treatment, lower the ridge loss of the outcome on

.. math:: \big([\tilde t, 1] \otimes [\tilde x, 1],\; R,\; \phi\big), \qquad R = \tilde t - \hat t,

among those seen. Afterwards the odds ratio is learned as :class:`~yinguo.selection.ShadowEstimator` does in its
published form, with R as the shadow variable, and outcomes of seen and unseen are mixed.

Source: Li, Wu, Xiong & Kuang (2024), ICML, PMLR 235, and the authors' programme; departures are told in
:class:`~yinguo.selection.TwoStageShadowInclusion`.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from yinguo.core.study import Study
from yinguo.errors import DataError
from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, linear, make_generator, mlp, tensor
from yinguo.nets.club import ConditionalGaussian
from yinguo.nets.curve import Curve
from yinguo.nets.ridge import augmented, kron_rows, ridge_loss, ridge_weights
from yinguo.nets.trainer import Batch, Phase, Trainer
from yinguo.selection.networks.shadow_estimator import GUARD, Softplus, fitted, squares

__all__ = ["Inclusion", "train"]

#: Hidden widths as published: features of instruments and of covariates, small networks, the last chance to be seen.
INSTRUMENT_WIDTHS, COVARIATE_WIDTHS, SMALL, LARGE = (128, 64, 3), (128, 32, 2), 16, 128
#: Largest ratio of mean residuals that is believed; theirs may be any number, of either sign.
MOST = 10.0
#: Rows of either kind without which nothing can be normalised over them.
FEWEST = 2


class Inclusion(nn.Module):
    """The networks of both stages and the ridge regressions between them; ``forward(T, X)`` is the curve g."""

    def __init__(self, options: Any, instruments: int, covariates: int, generator: torch.Generator) -> None:
        super().__init__()
        self.options = options
        self.treatment = linear(1, 1, generator=generator)
        self.instrument = mlp([instruments + covariates, *INSTRUMENT_WIDTHS], generator=generator, batch_norm={2})
        self.covariate = None
        if covariates:
            self.covariate = mlp([covariates, *COVARIATE_WIDTHS], generator=generator, batch_norm={1}, final="relu")
        self.phi = mlp([instruments + covariates, 1], generator=generator, final="sigmoid")
        self.chance_with_phi = small(covariates + 2, generator, "sigmoid")
        self.club = ConditionalGaussian(1, 1, hidden=options.club_width, generator=generator)
        self.fixed: tuple[torch.Tensor, torch.Tensor] | None = None
        # Solved or trained after the rounds: see settle.
        self.of_seen, self.of_unseen = torch.empty(0), torch.empty(0)
        self.chance: nn.Module = nn.Identity()

    def phases(self) -> list[Phase]:
        """Instruments; the law of the treatment given phi; phi; covariates; treatment."""
        steps, rate = self.options.inner_steps, self.options.learning_rate

        def turn(name: str, losses: Callable, *modules: nn.Module, taken: int = steps) -> Phase:
            moved = [p for module in modules for p in module.parameters()]
            return Phase(name, losses, torch.optim.Adam(moved, lr=rate), taken, modules)

        turns = [
            turn("stage 1", self.treatment_losses, self.instrument),
            turn("law", self.law_losses, self.club),
            turn("phi", self.phi_losses, self.phi, self.chance_with_phi),
        ]
        if self.covariate is not None:
            turns.append(turn("covariates", self.covariate_losses, self.covariate))
        return [*turns, turn("treatment", self.outcome_losses, self.treatment, taken=1)]

    def treatment_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """How badly the features of instruments and covariates predict that of the treatment, over all rows."""
        self.fixed = None
        F = augmented(self.instrument(batch["ZX"]))
        return {"loss": ridge_loss(F, self.treatment(batch["T"]), self.options.stage1_penalty * len(F))}

    def law_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """How badly phi tells the treatment: what the bound on it needs to know."""
        return {"likelihood": self.club.likelihood_loss(self.phi(batch["ZX"]), batch["T"])}

    def phi_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Who is seen, and as little of the treatment as may be."""
        phi = self.phi(batch["ZX"])
        chance = self.chance_with_phi(torch.cat([batch["T"], batch["X"], phi], dim=1))
        parts = {"cross-entropy": entropy(chance, batch["S"])}
        if self.options.independence_strength > 0:
            parts["information"] = self.options.independence_strength * self.club.bound(phi, batch["T"])
        return parts

    def covariate_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The ridge loss of the outcome among those seen; only the features of the covariates move."""
        if self.fixed is None:
            with torch.no_grad():
                self.fixed = self.set_aside(batch)
        return self.ridge(batch, *self.fixed)

    def outcome_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The same as a function of the treatment feature, which moves the residual as well."""
        self.fixed = None
        return self.ridge(batch, *self.set_aside(batch))

    def ridge(self, batch: Batch, treatment: torch.Tensor, more: torch.Tensor) -> dict[str, torch.Tensor]:
        """Penalised squares of the outcome among those seen."""
        seen = batch["S"][:, 0] == 1
        F = self.features(treatment[seen], batch["X"][seen], more[seen])
        return {"loss": ridge_loss(F, batch["Y"][seen], self.options.stage2_penalty * len(F))}

    def set_aside(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Treatment feature; residual and phi, both less their mean over all rows."""
        with torch.no_grad():  # neither moves in a turn that asks for this
            F, phi = augmented(self.instrument(batch["ZX"])), self.phi(batch["ZX"])
        treatment = self.treatment(batch["T"])
        R = treatment - F @ ridge_weights(F, treatment, self.options.stage1_penalty * len(F))
        return treatment, torch.cat([R - R.mean(), phi - phi.mean()], dim=1)

    def features(self, treatment: torch.Tensor, X: torch.Tensor, more: torch.Tensor | None = None) -> torch.Tensor:
        """Products of treatment and covariate features, each with a constant; then residual and phi."""
        F = augmented(treatment)
        if self.covariate is not None:
            F = kron_rows(F, augmented(self.covariate(X)))
        return F if more is None else torch.cat([F, more], dim=1)

    def settle(self, data: Batch, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Solve for those seen, learn the odds ratio, solve for those not; gives residual and phi of every row."""
        seen = data["S"][:, 0] == 1
        with torch.no_grad():
            treatment, more = self.set_aside(data)
            F = self.features(treatment[seen], data["X"][seen], more[seen])
            penalty = self.options.stage2_penalty * len(F)
            self.of_seen = ridge_weights(F, data["Y"][seen], penalty)
            predicted = F @ self.of_seen
        columns = {"T": data["T"], "X": data["X"], "R": more[:, :1], "phi": more[:, 1:], "S": data["S"]}
        pseudo = self.pseudo_outcomes(columns, data["Y"], seen, predicted, generator)
        self.of_unseen = ridge_weights(F, pseudo, penalty)
        inputs = ("T", "X", "phi", "R")
        net = mlp([data["X"].shape[1] + 3, LARGE, 1], generator=generator, batch_norm={0}, final="sigmoid")
        self.chance = self.learn(
            net, columns, lambda n, b: {"cross-entropy": entropy(n(torch.cat([b[k] for k in inputs], 1)), b["S"])},
            generator,
        )  # fmt: skip
        return tuple(more.cpu().numpy().astype(np.float64).T)

    def pseudo_outcomes(self, columns, Y, seen, predicted, generator) -> torch.Tensor:
        """What those seen would have if they were like those not seen, by the odds ratio."""
        width, inputs = columns["X"].shape[1] + 2, ("T", "X", "phi")
        of = lambda rows: {name: value[rows] for name, value in columns.items()}  # noqa: E731
        means = [
            self.learn(small(width, generator), of(rows), squares(*inputs, target="R"), generator)
            for rows in (seen, ~seen)
        ]
        among = of(seen) | {"Y": Y[seen]}
        with torch.no_grad():
            r1, r0 = (net(torch.cat([among[name] for name in inputs], dim=1)) for net in means)
            among["ratio"] = (r0 / torch.where(r1 < 0, r1 - GUARD, r1 + GUARD)).clamp(0, MOST)

        def loss(net: nn.Module, b: Batch) -> dict[str, torch.Tensor]:
            odds = net(torch.cat([b["T"], b["X"], b["phi"], b["Y"]], dim=1))
            return {
                "squares": (b["ratio"] - odds).square().mean(),
                "penalty": self.options.odds_penalty * odds.square().mean(),
            }

        odds = self.learn(Softplus(small(width + 1, generator)), among, loss, generator)
        with torch.no_grad():
            at = lambda y: odds(torch.cat([among["T"], among["X"], among["phi"], y], dim=1))  # noqa: E731
            return at(among["Y"]) / (at(predicted) + GUARD) * predicted

    def learn(self, network: nn.Module, data: Batch, loss, generator: torch.Generator) -> nn.Module:
        """Full-batch steps of a network after the rounds."""
        options = SimpleNamespace(
            epochs=self.options.odds_epochs, batch_size=None, learning_rate=self.options.learning_rate,
            weight_decay=0.0, device=self.options.device,
        )  # fmt: skip
        return fitted(network, data, loss, options, generator)

    def forward(self, T: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        """(n, 1) treatments and (n, p) covariates to (n, 1) values of g, at mean residual and phi."""
        F = self.features(self.treatment(T), X)
        k, nothing = F.shape[1], F.new_zeros(len(F), 2)
        chance = self.chance(torch.cat([T, X, nothing], dim=1))
        return chance * (F @ self.of_seen[:k]) + (1 - chance) * (F @ self.of_unseen[:k])


def small(inputs: int, generator: torch.Generator, final: str | None = None) -> nn.Sequential:
    """One hidden layer of 16, normalised over the batch. **Shape**: (n, inputs) to (n, 1)."""
    return mlp([inputs, SMALL, 1], generator=generator, batch_norm={0}, final=final)


def entropy(chance: torch.Tensor, S: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of who is seen."""
    return nn.functional.binary_cross_entropy(chance.clamp(1e-6, 1 - 1e-6), S)


def train(options: Any, study: Study, X: np.ndarray, T: np.ndarray, Z: np.ndarray, rng: np.random.Generator):
    """Learn the curve.

    Parameters
    ----------
    options : TwoStageShadowInclusion
    study : Study
    X, T, Z : float arrays
        Of the study, checked.
    rng : Generator
        First weights.

    Returns
    -------
    Curve, (n,) residuals and (n,) values of phi of the rows, both of standardised columns and with mean 0

    Raises
    ------
    DataError
        Fewer than two rows seen or not seen, which nothing can be normalised over; ``club_width`` below 1.
    """
    counts = [int(np.sum(value == study.S)) for value in (1.0, 0.0)]
    if min(counts) < FEWEST:
        raise DataError(
            f"{counts[0]} rows are seen and {counts[1]} are not; variant='paper' needs at least {FEWEST} of either."
        )
    if options.club_width < 1:
        raise DataError(f"club_width is {options.club_width}; at least 1 hidden unit is needed.")
    seen, generator = study.S == 1, make_generator(int(rng.integers(2**63)))
    scale_X, scale_T, scale_Y = Standardiser(X), Standardiser(T), Standardiser(study.Y[seen])
    columns = {
        "T": tensor(scale_T(T)),
        "X": tensor(scale_X(X)),
        "ZX": tensor(np.column_stack([Standardiser(Z)(Z), scale_X(X)])),
        "S": tensor(study.S),
        "Y": tensor(np.where(seen, scale_Y(np.where(seen, study.Y, 0.0)), 0.0)),
    }
    data = {name: column.to(options.device) for name, column in columns.items()}
    network = Inclusion(options, Z.shape[1], X.shape[1], generator)
    history = Trainer(epochs=options.epochs, device=options.device).fit(network, data)
    R, phi = network.settle(data, generator)
    return Curve(network, scale_X, scale_T, scale_Y, history, options.device), R, phi
