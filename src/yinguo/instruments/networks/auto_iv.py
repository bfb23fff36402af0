"""Representations, conditional laws and the two stages of AutoIV.

Source: Yuan, Wu, Kuang, Li, Wu, Wu & Lin (2022), ACM TKDD 16(4).
"""

from typing import Any

import numpy as np

from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, mlp, tensor
from yinguo.nets.club import ConditionalGaussian, similar_pairs
from yinguo.nets.trainer import Batch, History, Phase, Trainer

__all__ = ["Decomposition", "Found", "train"]


class Found:
    """A trained decomposition, in the units of the study.

    Parameters
    ----------
    network : Decomposition
    scale_V, scale_T, scale_Y : Standardiser
    history : History
    device : str
    """

    def __init__(
        self,
        network: "Decomposition",
        scale_V: Standardiser,
        scale_T: Standardiser,
        scale_Y: Standardiser,
        history: History,
        device: str,
    ) -> None:
        self.network, self.history, self.device = network, history, device
        self.scale_V, self.scale_T, self.scale_Y = scale_V, scale_T, scale_Y

    @property
    def candidates(self) -> int:
        """Number of candidates."""
        return self.scale_V.mean.size

    @torch.no_grad()
    def represent(self, V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, candidates) to twice (n, d): instrument-like and confounder-like."""
        z, c = self.network.representations(tensor(self.scale_V(V)).to(self.device))
        return z.cpu().numpy().astype(np.float64), c.cpu().numpy().astype(np.float64)

    @torch.no_grad()
    def outcome(self, c: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Outcome at (n, d) confounder representations and (n,) treatments; (n,)."""
        y = self.network.outcome(tensor(c).to(self.device), tensor(self.scale_T(T)).to(self.device))
        return self.scale_Y.back(y[:, 0].cpu().numpy().astype(np.float64))


def train(options: Any, Y: np.ndarray, T: np.ndarray, V: np.ndarray, rng: np.random.Generator) -> Found:
    """Learn the decomposition.

    Parameters
    ----------
    options : AutoIV
    Y, T : (n,) float arrays
    V : (n, candidates) float array
    rng : Generator
        First weights, shuffles, batches.

    Source
    ------
    Yuan et al. (2022), algorithm 1.
    """
    scale_V, scale_T, scale_Y = Standardiser(V), Standardiser(T), Standardiser(Y)
    data = {"V": tensor(scale_V(V)), "T": tensor(scale_T(T)), "Y": tensor(scale_Y(Y))}
    generator = make_generator(int(rng.integers(2**63)))
    network = Decomposition(options, V.shape[1], generator)
    trainer = Trainer(epochs=options.epochs, batch_size=options.batch_size, generator=generator, device=options.device)
    return Found(network, scale_V, scale_T, scale_Y, trainer.fit(network, data), options.device)


class Decomposition(nn.Module):
    """Representations, the five laws, and the two stages."""

    def __init__(self, options: Any, candidates: int, generator: torch.Generator) -> None:
        super().__init__()
        self.options, self.generator = options, generator
        d, k = options.representation, options.embedding

        def net(*sizes: int) -> nn.Sequential:
            return mlp([max(1, size) for size in sizes], generator=generator, activation="elu", init="xavier")

        def law(outputs: int) -> ConditionalGaussian:
            return ConditionalGaussian(d, outputs, hidden=d // 2, generator=generator)

        self.phi = nn.ModuleDict({"z": net(candidates, d, d), "c": net(candidates, d, d)})
        self.laws = nn.ModuleDict({"zt": law(1), "zy": law(1), "ct": law(1), "cy": law(1), "zc": law(d)})
        self.stages = nn.ModuleDict(
            {"treatment": net(2 * d, d, 1), "embedding": net(1, k, k), "outcome": net(d + k, (d + k) // 2, 1)}
        )

    def phases(self) -> list[Phase]:
        """The laws, then the representations by the contrasts, then everything but the laws by the two stages."""
        stages = self.turn("stages", self.stage_losses, self.phi, self.stages)
        if self.options.contrast_strength == 0:
            return [stages]
        laws = self.turn("laws", self.law_losses, self.laws)
        return [laws, self.turn("contrasts", self.contrast_losses, self.phi), stages]

    def turn(self, name: str, losses, *modules: nn.Module) -> Phase:
        """A phase of Adam with the learning rate falling in stairs."""
        adam = torch.optim.Adam([p for m in modules for p in m.parameters()], lr=self.options.learning_rate)
        return Phase(name, losses, adam, schedule=torch.optim.lr_scheduler.StepLR(adam, 100, 0.95))

    def representations(self, V: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, candidates) to twice (n, d)."""
        return self.phi["z"](V), self.phi["c"](V)

    def outcome(self, c: torch.Tensor, T: torch.Tensor) -> torch.Tensor:
        """Outcome at (n, d) confounder representations and (n, 1) treatments; (n, 1)."""
        return self.stages["outcome"](torch.cat([c, self.stages["embedding"](T)], dim=1))

    def pairs(self, batch: Batch) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """What each law is of: the variable it starts from and the one it is of."""
        z, c = self.representations(batch["V"])
        return {
            "zt": (z, batch["T"]),
            "zy": (z, batch["Y"]),
            "ct": (c, batch["T"]),
            "cy": (c, batch["Y"]),
            "zc": (z, c),
        }

    def law_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Likelihoods."""
        with torch.no_grad():
            pairs = self.pairs(batch)
        return {name: self.laws[name].likelihood_loss(*pair) for name, pair in pairs.items()}  # type: ignore[operator]

    def contrast_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """What the representations should tell, with a minus, and what they should not."""
        T = batch["T"]
        order = torch.randperm(len(T), generator=self.generator).to(T.device)
        weights = similar_pairs(T, order, width=self.options.pair_width)
        signs = {"zy": 1.0, "zc": 1.0, "zt": -1.0, "ct": -1.0, "cy": -1.0}
        parts = {}
        for name, (r, o) in self.pairs(batch).items():
            more = (order, weights) if name == "zy" else ()
            parts[name] = self.options.contrast_strength * signs[name] * self.laws[name].bound(r, o, *more)  # type: ignore[operator]
        return parts | {"weights": self.weights()}

    def stage_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Squared errors of treatment and outcome, the latter at the predicted treatment."""
        z, c = self.representations(batch["V"])
        T_hat = self.stages["treatment"](torch.cat([z, c], dim=1))
        missed = {"treatment": batch["T"] - T_hat, "outcome": batch["Y"] - self.outcome(c, T_hat)}
        return {name: miss.square().mean() for name, miss in missed.items()} | {"weights": self.weights()}

    def weights(self) -> torch.Tensor:
        """The penalty on the weights of the five networks that are not laws."""
        squares = [p.square().sum() for m in (self.phi, self.stages) for p in m.parameters() if p.ndim > 1]
        return self.options.l2 * torch.stack(squares).sum() / 2 / 5
