"""The published form of ShadowEstimator: conditional means for densities, one value of the odds ratio for its mean.

Departures of the programme from its theory that are kept, and those that are not, are told in
:class:`~yinguo.selection.shadow_estimator.ShadowEstimator`.

Source: Li, Li, Xiong, Wu, Wu & Kuang (2024), ICML, PMLR 235, and the authors' programme.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from yinguo.core.study import Study
from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, mlp, tensor
from yinguo.nets.sinkhorn import VARIANTS, sinkhorn
from yinguo.nets.trainer import Batch, Phase, Trainer

__all__ = ["BalancedNetwork", "Mixture", "fit_mixture", "shrinking", "squashed", "train"]

#: Width of every representation, and what ratios are guarded with.
WIDTH, GUARD = 10, 1e-4


def shrinking(inputs: int, *, generator: torch.Generator, final: str | None = None, outputs: int = 1) -> nn.Sequential:
    """Two hidden layers whose widths fall to 10 in equal steps, normalised over the batch; then a linear layer.

    **Shape**: (n, inputs) to (n, outputs).
    """
    widths = [inputs, max(1, round((inputs + WIDTH) / 2)), WIDTH, outputs]
    return mlp(widths, generator=generator, batch_norm={0, 1}, final=final)


class BalancedNetwork(nn.Module):
    """An outcome network fed with the treatment behind its representation (BNN).

    **Shape**: (n, inputs) and (n, 1) to (n, 1).
    """

    def __init__(self, inputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.phi = mlp(
            [inputs, max(1, round((inputs + WIDTH) / 2)), WIDTH], generator=generator, batch_norm={0, 1}, final="relu"
        )
        self.head = mlp([WIDTH + 1, WIDTH + 1, WIDTH + 1, 1], generator=generator, batch_norm={0, 1})

    def forward(self, C: torch.Tensor, T: torch.Tensor) -> torch.Tensor:
        """Outcome at columns C under treatments T."""
        return self.head(torch.cat([self.phi(C), T], dim=1))

    def balance(self, C: torch.Tensor, T: torch.Tensor) -> torch.Tensor:
        """Transport distance between the representations of the arms; a scalar."""
        r = self.phi(C)
        # The plan is held fixed in the gradient, which at the best plan changes nothing and halves the time.
        return sinkhorn(r[T[:, 0] == 1], r[T[:, 0] == 0], **{**VARIANTS["autodiff"], "gradient": "cost"})


class Single(nn.Module):
    """One network and one loss, for the trainer."""

    def __init__(self, network: nn.Module, loss: Callable[[nn.Module, Batch], Mapping], options: Any) -> None:
        super().__init__()
        self.network, self.loss, self.options = network, loss, options

    def phases(self) -> list[Phase]:
        """One phase of Adam."""
        adam = torch.optim.Adam(
            self.parameters(), lr=self.options.learning_rate, weight_decay=self.options.weight_decay
        )
        return [Phase("fit", lambda batch: self.loss(self.network, batch), adam)]


def fitted(network: nn.Module, data: Batch, loss, options: Any, generator: torch.Generator) -> nn.Module:
    """Train a network on tensors; the epoch count and the batch size are the options'."""
    trainer = Trainer(
        epochs=options.epochs, batch_size=options.batch_size, generator=generator, device=options.device
    )  # fmt: skip
    trainer.fit(Single(network, loss, options), data)
    return network


def squares(*inputs: str, target: str):
    """Loss: the sum of squared errors of a network of named columns side by side, as the programme has it."""
    return lambda net, b: {"squares": (b[target] - net(torch.cat([b[name] for name in inputs], dim=1))).square().sum()}


def outcome_loss(strength: float):
    """Loss of a balanced network on C and T for the target Y."""

    def loss(net: BalancedNetwork, batch: Batch) -> dict[str, torch.Tensor]:
        parts = {"squares": (batch["Y"] - net(batch["C"], batch["T"])).square().sum()}
        if strength > 0:
            parts["balance"] = strength * net.balance(batch["C"], batch["T"])
        return parts

    return loss


class Mixture:
    """Outcomes of seen and unseen, mixed by the chance to be seen.

    Parameters
    ----------
    of_seen, of_unseen : BalancedNetwork
    chance : nn.Module of [T, X, Z]
    """

    def __init__(self, of_seen: nn.Module, of_unseen: nn.Module, chance: nn.Module) -> None:
        self.of_seen, self.of_unseen, self.chance = of_seen, of_unseen, chance

    @torch.no_grad()
    def __call__(self, X: torch.Tensor, Z: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """(n, p) standardised covariates and (n, q) shadow variables to standardised outcomes of both arms."""
        C, means = torch.cat([X, Z], dim=1), []
        for network in (self.of_seen, self.of_unseen, self.chance):
            network.eval()
        for arm in (0.0, 1.0):
            T = torch.full((len(X), 1), arm)
            pi = self.chance(torch.cat([T, C], dim=1))
            mixed = pi * self.of_seen(C, T) + (1 - pi) * self.of_unseen(C, T)
            means.append(mixed[:, 0].numpy().astype(np.float64))
        return means[0], means[1]


def fit_mixture(
    options: Any, X: torch.Tensor, Z: torch.Tensor, T: torch.Tensor, Y: torch.Tensor, S: torch.Tensor,
    generator: torch.Generator,
) -> Mixture:  # fmt: skip
    """Train the networks of the published estimator in its order.

    Parameters
    ----------
    options : estimator with the network options
    X, Z : (n, p) and (n, q) tensors, Z between 0 and 1
    T, Y, S : (n, 1) tensors, Y of any value where S is 0
    generator : torch.Generator
    """
    seen, n_columns = S[:, 0] == 1, X.shape[1] + 1
    columns = {"X": X, "Z": Z, "T": T, "Y": Y, "C": torch.cat([X, Z], dim=1)}
    of = lambda rows: {name: value[rows] for name, value in columns.items()}  # noqa: E731
    fit = lambda net, data, loss: fitted(net, data, loss, options, generator)  # noqa: E731
    outcome = outcome_loss(options.balance_strength)
    of_seen = fit(BalancedNetwork(X.shape[1] + Z.shape[1], generator), of(seen), outcome)
    ratio_nets = [
        fit(
            shrinking(n_columns, generator=generator, final="sigmoid", outputs=Z.shape[1]),
            of(rows),
            squares("T", "X", target="Z"),
        )
        for rows in (seen, ~seen)
    ]
    among = of(seen)
    with torch.no_grad():
        for net in (*ratio_nets, of_seen):
            net.eval()
        z1, z0 = (net(torch.cat([among["T"], among["X"]], dim=1)) for net in ratio_nets)
        among["R"] = (z0 / (z1 + GUARD)).mean(dim=1, keepdim=True)  # unseen over seen
        predicted = of_seen(among["C"], among["T"])
    odds = fit(Softplus(shrinking(n_columns + 1, generator=generator)), among, squares("T", "X", "Y", target="R"))
    with torch.no_grad():
        odds.eval()
        at = lambda y: odds(torch.cat([among["T"], among["X"], y], dim=1))  # noqa: E731
        base = at(torch.zeros_like(among["Y"])) + GUARD
        pseudo = at(among["Y"]) / base * predicted / (at(predicted) / base + GUARD)
    of_unseen = fit(BalancedNetwork(X.shape[1] + Z.shape[1], generator), {**among, "Y": pseudo}, outcome)
    chance = fit(
        shrinking(n_columns + Z.shape[1], generator=generator, final="sigmoid"),
        {**columns, "S": S},
        lambda net, b: {
            "cross-entropy": nn.functional.binary_cross_entropy(
                net(torch.cat([b["T"], b["C"]], dim=1)).clamp(1e-6, 1 - 1e-6), b["S"], reduction="sum"
            )
        },
    )
    return Mixture(of_seen, of_unseen, chance)


class Softplus(nn.Module):
    """A network whose output is positive.

    **Shape**: that of the network.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Softplus of the network."""
        return nn.functional.softplus(self.network(x))


def squashed(V: np.ndarray) -> np.ndarray:
    """Shadow variables between 0 and 1, as the programme's own are: the logistic curve of standardised values."""
    return 1 / (1 + np.exp(-np.clip(Standardiser(V)(V), -30, 30)))


def train(options: Any, study: Study, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mean outcomes of the rows of a study in both arms.

    Parameters
    ----------
    options : ShadowEstimator
    study : Study
    rng : Generator
    """
    seen, generator = study.S == 1, make_generator(int(rng.integers(2**63)))
    scale_X, scale_Y = Standardiser(study.X), Standardiser(study.Y[seen])
    X, Z = tensor(scale_X(study.X)), tensor(squashed(np.asarray(study.V)))
    Y = tensor(np.where(seen, scale_Y(np.where(seen, study.Y, 0.0)), 0.0))
    mixture = fit_mixture(options, X, Z, tensor(study.T), Y, tensor(study.S), generator)
    m0, m1 = mixture(X, Z)
    return scale_Y.back(m0), scale_Y.back(m1)
