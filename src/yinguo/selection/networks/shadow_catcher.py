r"""The published form of ShadowCatcher: a function of the covariates made to look like a shadow variable, and its test.

On every batch three turns are taken: the outcome network learns the outcome from :math:`[x, g(x)]` and from
:math:`[\text{noise}, g(x)]`, which makes it use g; a second network learns g from covariates, treatment and outcome
among those seen; and g is moved to help the first more than noise in its place, and to be predicted by the second among
those not seen, whose outcomes are predictions.

Source: Li, Li, Xiong, Wu, Wu & Kuang (2024), ICML, PMLR 235, and the authors' programme.
"""

from typing import Any

import numpy as np

from yinguo.core.study import Study
from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, mlp, tensor
from yinguo.nets.trainer import Batch, Phase, Trainer
from yinguo.selection.networks.shadow_estimator import GUARD, BalancedNetwork, Mixture, fit_mixture, shrinking

__all__ = ["Catcher", "Caught", "train"]

#: Steps of the logistic model of the test, and the share of rows that it is judged on.
TEST_STEPS, HELD = 100, 0.25


class Catcher(nn.Module):
    """The three networks of the representation."""

    def __init__(self, options: Any, covariates: int, generator: torch.Generator) -> None:
        super().__init__()
        self.options, self.generator = options, generator
        self.g = mlp([covariates, 10, 1], generator=generator, final="sigmoid")
        self.outcome = BalancedNetwork(covariates + 1, generator)
        self.inverse = shrinking(covariates + 2, generator=generator)

    def phases(self) -> list[Phase]:
        """Outcome, inverse, representation."""
        turns = (
            ("outcome", self.outcome_losses, self.outcome),
            ("inverse", self.inverse_losses, self.inverse),
            ("representation", self.representation_losses, self.g),
        )
        rates = {"lr": self.options.learning_rate, "weight_decay": self.options.weight_decay}
        return [
            Phase(name, losses, torch.optim.Adam(module.parameters(), **rates), modules=[module])
            for name, losses, module in turns
        ]

    def parts(self, batch: Batch) -> tuple[Batch, torch.Tensor, torch.Tensor] | None:
        """Rows seen, g of them and g of those not seen; None where a batch has too few of either."""
        seen = batch["S"][:, 0] == 1
        if seen.sum() < 2 or (~seen).sum() < 1:
            return None
        Z = self.g(batch["X"])
        return {name: value[seen] for name, value in batch.items()}, Z[seen], Z[~seen]

    def nothing(self, module: nn.Module) -> dict[str, torch.Tensor]:
        """A loss of 0 that moves nothing."""
        return {"nothing": sum((p.sum() * 0 for p in module.parameters()), torch.zeros(()))}

    def noise(self, like: torch.Tensor) -> torch.Tensor:
        """Uniform noise of a shape."""
        return torch.rand(like.shape, generator=self.generator).to(like.device)

    def error(self, X: torch.Tensor, Z: torch.Tensor, rows: Batch) -> torch.Tensor:
        """Sum of squared errors of the outcome network."""
        return (rows["Y"] - self.outcome(torch.cat([X, Z], dim=1), rows["T"])).square().sum()

    def outcome_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Learn the outcome with g, also where g is all there is."""
        parts = self.parts(batch)
        if parts is None:
            return self.nothing(self.outcome)
        rows, Z, _ = parts
        found = {"squares": self.error(rows["X"], Z, rows), "noise": self.error(self.noise(rows["X"]), Z, rows)}
        if self.options.balance_strength > 0:
            C = torch.cat([rows["X"], Z], dim=1)
            found["balance"] = self.options.balance_strength * self.outcome.balance(C, rows["T"])
        return found

    def inverse_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Learn g from covariates, treatment and outcome among those seen."""
        parts = self.parts(batch)
        if parts is None:
            return self.nothing(self.inverse)
        rows, Z, _ = parts
        return {"squares": (Z - self.inverse(torch.cat([rows["X"], rows["T"], rows["Y"]], dim=1))).square().sum()}

    def representation_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Help the outcome more than noise does; be predicted among the unseen as among the seen."""
        parts = self.parts(batch)
        if parts is None:
            return self.nothing(self.g)
        rows, Z, Z0 = parts
        unseen = batch["S"][:, 0] == 0
        X0, T0 = batch["X"][unseen], batch["T"][unseen]
        Y0 = self.outcome(torch.cat([X0, Z0], dim=1), T0)
        return {
            "with": self.error(rows["X"], Z, rows),
            "without": -self.error(rows["X"], self.noise(Z), rows),
            "unseen": (Z0 - self.inverse(torch.cat([X0, T0, Y0], dim=1))).square().sum(),
        }


def moment_gap(options: Any, X, Z, T, Y, S, generator: torch.Generator) -> float:
    """The test as published: how far a logistic chance to be seen is from one scalar moment, on rows held out."""
    order = torch.randperm(len(X), generator=generator)
    held = max(1, int(HELD * len(X)))
    chance = mlp([X.shape[1] + 2, 1], generator=generator, final="sigmoid")
    columns, targets = torch.cat([X, T, Y], dim=1), torch.cat([X, T, Z], dim=1)

    def gap(rows: torch.Tensor) -> torch.Tensor:
        seen = S[rows, 0] == 1
        w = 1 / (chance(columns[rows][seen]) + GUARD) - 1
        return ((w * targets[rows][seen]).mean() - targets[rows][~seen].mean()).abs()

    adam = torch.optim.Adam(chance.parameters(), lr=options.learning_rate)
    for _ in range(min(TEST_STEPS, options.epochs)):
        adam.zero_grad()
        gap(order[held:]).backward()
        adam.step()
    with torch.no_grad():
        return float(gap(order[:held]))


class Caught:
    """Curves of the published form in the units of the study.

    Parameters
    ----------
    g : nn.Module
    mixture : Mixture
    scale_X, scale_Y : Standardiser
    tests : list of float
        Value of the test in every round.
    passed : bool
    """

    def __init__(self, g, mixture: Mixture, scale_X, scale_Y, tests: list[float], passed: bool) -> None:
        self.g, self.mixture, self.scale_X, self.scale_Y = g, mixture, scale_X, scale_Y
        self.tests = tests
        end = "passed" if passed else "never passed, and the last one is used all the same"
        self.note = f"the published test of the learned shadow variable {end} ({len(tests)} rounds)."

    @torch.no_grad()
    def __call__(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, p) covariates to two (n,) arrays of outcomes, without and with treatment."""
        x = tensor(self.scale_X(X))
        m0, m1 = self.mixture(x, self.g(x))
        return self.scale_Y.back(m0), self.scale_Y.back(m1)


def train(options: Any, study: Study, rng: np.random.Generator) -> Caught:
    """Learn g in rounds until its test passes, then the outcomes.

    Parameters
    ----------
    options : ShadowCatcher
    study : Study
    rng : Generator
    """
    seen, generator = study.S == 1, make_generator(int(rng.integers(2**63)))
    scale_X, scale_Y = Standardiser(study.X), Standardiser(study.Y[seen])
    X, T, S = tensor(scale_X(study.X)), tensor(study.T), tensor(study.S)
    Y = tensor(np.where(seen, scale_Y(np.where(seen, study.Y, 0.0)), 0.0))
    catcher = Catcher(options, X.shape[1], generator)
    trainer = Trainer(
        epochs=options.epochs, batch_size=options.batch_size, generator=generator, device=options.device
    )  # fmt: skip
    tests, threshold, passed = [], options.threshold, False
    for round_ in range(options.rounds):
        trainer.fit(catcher, {"X": X, "T": T, "Y": Y, "S": S})
        with torch.no_grad():
            Z = catcher.g(X)
        tests.append(moment_gap(options, X, Z, T, Y, S, generator))
        passed = tests[-1] <= threshold
        if passed:
            break
        threshold /= round_ + 2
    mixture = fit_mixture(options, X, Z, T, Y, S, generator)
    return Caught(catcher.g, mixture, scale_X, scale_Y, tests, passed)
