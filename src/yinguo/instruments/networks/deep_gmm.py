"""The two players of DeepGMM, and the choice of the curve on rows set aside.

Source: Bennett, Kallus & Schnabel (2019), NeurIPS.
"""

import copy
from typing import Any

import numpy as np

from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, mlp, tensor
from yinguo.nets.curve import Curve
from yinguo.nets.optimistic_adam import OptimisticAdam
from yinguo.nets.trainer import Batch, Epoch, Phase, Trainer

__all__ = ["Choice", "Game", "train", "violations"]


def train(
    options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, Z: np.ndarray, rng: np.random.Generator
) -> tuple[Curve, int]:
    """Play the game and keep the best curve met.

    Parameters
    ----------
    options : DeepGMM
    Y, T : (n,) float arrays
    X : (n, p) float array
    Z : (n, q) float array
    rng : Generator
        Rows set aside, first weights, order of the rows.

    Returns
    -------
    curve : Curve
    epoch : int
        Whose curve was kept.

    Source
    ------
    Bennett, Kallus & Schnabel (2019), section 4.
    """
    n = len(Y)
    order = rng.permutation(n)
    aside = min(n - 2, max(1, round(options.validation * n)))
    scale_Y, scale_T, scale_X = Standardiser(Y), Standardiser(T), Standardiser(X)
    columns = {
        "Y": tensor(scale_Y(Y)),
        "T": tensor(scale_T(T)),
        "X": tensor(scale_X(X)),
        "ZX": tensor(np.column_stack([Standardiser(Z)(Z), scale_X(X)])),
    }
    parts = [{name: column[rows] for name, column in columns.items()} for rows in (order[aside:], order[:aside])]
    generator = make_generator(int(rng.integers(2**63)))
    network = Game(options, 1 + X.shape[1], columns["ZX"].shape[1], generator)
    choice = Choice(options, {name: column.to(options.device) for name, column in parts[1].items()})
    trainer = Trainer(
        epochs=options.epochs,
        batch_size=options.batch_size,
        generator=generator,
        callbacks=[choice],
        device=options.device,
    )
    history = trainer.fit(network, parts[0])
    kept = choice.restore(network)
    return Curve(network, scale_X, scale_T, scale_Y, history, options.device), kept


def violations(witnesses: torch.Tensor, residuals: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    r"""How badly each of several curves violates the moment of each of several witnesses.

    .. math:: \frac1n \sum_i f_{ji} e_{ki} - \frac1{4n} \sum_i f_{ji}^2 \tilde e_i^2

    Parameters
    ----------
    witnesses : (m, n) tensor
        Values of f, one row per witness.
    residuals : (k, n) tensor
        y - g, one row per curve.
    weights : (n,) tensor
        Squared residuals of a preliminary curve, the same for all.

    Returns
    -------
    (k, m) tensor

    Source
    ------
    Bennett, Kallus & Schnabel (2019), section 4, the criterion for model selection.
    """
    n = residuals.shape[1]
    return residuals @ witnesses.T / n - (witnesses.square() @ weights / (4 * n))[None, :]


class Game(nn.Module):
    """The two players."""

    def __init__(self, options: Any, response: int, adversary: int, generator: torch.Generator) -> None:
        super().__init__()
        self.options = options
        self.g = mlp([response, *options.response, 1], generator=generator, activation="leaky-relu")
        self.f = mlp([adversary, *options.adversary, 1], generator=generator, activation="leaky-relu")

    def forward(self, T: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        """(n, 1) treatments and (n, p) covariates to (n, 1) values of g."""
        return self.g(torch.cat([T, X], dim=1))

    def phases(self) -> list[Phase]:
        """f raises the violation, then g lowers it."""
        rate = self.options.learning_rate
        fast = OptimisticAdam(self.f.parameters(), lr=rate * self.options.adversary_rate)
        return [
            Phase("adversary", self.adversary_losses, fast, self.options.adversary_steps, [self.f]),
            Phase("response", self.response_losses, OptimisticAdam(self.g.parameters(), lr=rate), 1, [self.g]),
        ]

    def adversary_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Minus the weighted violation, to be minimised by f."""
        with torch.no_grad():
            residual = batch["Y"] - self(batch["T"], batch["X"])
        witness = self.f(batch["ZX"])
        return {
            "minus violation": -(witness * residual).mean(),
            "weight": (witness * residual).square().mean() / 4,
        }

    def response_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The violation, to be minimised by g; the weight is held fixed, so it has no part in this."""
        with torch.no_grad():
            witness = self.f(batch["ZX"])
        return {"violation": (witness * (batch["Y"] - self(batch["T"], batch["X"]))).mean()}


class Choice:
    """Looks at the rows set aside every few epochs, remembers curves and witnesses, and chooses at the end."""

    def __init__(self, options: Any, aside: Batch) -> None:
        self.options, self.aside = options, aside
        self.residuals: list[torch.Tensor] = []
        self.witnesses: list[torch.Tensor] = []
        self.states: list[dict[str, torch.Tensor]] = []
        self.epochs: list[int] = []

    @torch.no_grad()
    def __call__(self, epoch: Epoch, network: Game) -> bool:
        """Record a look; True once no look of the last ``patience`` ones holds the best curve."""
        if epoch.number % self.options.every and epoch.number != self.options.epochs:
            return False
        network.eval()
        self.residuals.append((self.aside["Y"] - network(self.aside["T"], self.aside["X"]))[:, 0])
        self.witnesses.append(network.f(self.aside["ZX"])[:, 0])
        self.states.append(copy.deepcopy(network.g.state_dict()))
        self.epochs.append(epoch.number)
        if self.options.patience is None or epoch.number <= self.options.burn_in:
            return False
        return len(self.states) - 1 - self.best() >= self.options.patience

    def best(self) -> int:
        """The look whose curve has the smallest worst violation."""
        # The weights are those of the middle look: those of the last would change the scale with every look.
        residuals = torch.stack(self.residuals)
        weights = residuals[len(residuals) // 2].square()
        return int(violations(torch.stack(self.witnesses), residuals, weights).max(dim=1).values.argmin())

    def restore(self, network: Game) -> int:
        """Put the chosen curve back and say of which epoch it is; the last if no look was taken."""
        chosen = self.best()
        network.g.load_state_dict(self.states[chosen])
        return self.epochs[chosen]
