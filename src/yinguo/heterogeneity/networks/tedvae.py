r"""TEDVAE: a variational autoencoder with latent factors of the treatment, of the outcome and of both.

With latent :math:`z_t, z_c, z_y`, independent and standard normal a priori, it learns decoders
:math:`p(x \mid z_t, z_c, z_y)`, :math:`p(t \mid z_t, z_c)`, :math:`p(y \mid t, z_c, z_y)` and encoders
:math:`q(z_\cdot \mid x)` by the evidence bound, with two more predictions from the encoded factors:

.. math:: E_q\big[\log p(x, t, y \mid z)\big] - \mathrm{KL}(q \| p)
   + \alpha_t E_q[\log q(t \mid z_t, z_c)] + \alpha_y E_q[\log q(y \mid t, z_c, z_y)].

Source: Zhang, Liu & Li (2021), AAAI 35(12), and the authors' programme.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.heterogeneity.networks.common import ArmNetwork, Sample, sample_rows
from yinguo.nets import nn, torch
from yinguo.nets.blocks import linear, mlp
from yinguo.nets.curve import ArmCurves
from yinguo.nets.trainer import Batch, Phase, Trainer, Validation

__all__ = ["Factors", "kl_to_standard", "log_bernoulli", "log_normal", "train"]

#: No standard deviation is below: of a factor or a covariate, of an outcome.
SMALLEST = 1e-3
HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)
#: Rows put through the decoders at once when predicting, each with every draw.
BLOCK = 2000


def train(
    options: Any, Y: np.ndarray, T: np.ndarray, X: np.ndarray, *, binary: bool, rng: np.random.Generator
) -> ArmCurves:
    """Train once; see :func:`~yinguo.heterogeneity.training.fit_by_training`."""
    sample = sample_rows(options, Y, T, X, binary=binary, rng=rng)
    network = Factors(options, sample)
    looks = Validation(
        "evidence bound and predictions on held-out rows",
        lambda: float(network.objective(sample.held)),
        every=max(1, min(options.look_every, options.epochs)),
        patience=options.patience,
    )
    trainer = Trainer(
        epochs=options.epochs, batch_size=options.batch_size, generator=sample.generator, device=options.device
    )
    history = trainer.fit(network, sample.training, looks)
    return ArmCurves(network, sample.scale_X, sample.scale_Y, history, options.device)


def kl_to_standard(mean: torch.Tensor, sd: torch.Tensor) -> torch.Tensor:
    """Divergence of independent normal laws from the standard one, summed over factors, (n,).

    Parameters
    ----------
    mean, sd : (n, d) tensors
    """
    return (0.5 * (mean.square() + sd.square() - 1) - sd.log()).sum(dim=1)


def log_normal(values: torch.Tensor, mean: torch.Tensor, sd: torch.Tensor) -> torch.Tensor:
    """Log densities of independent normal laws, summed over columns, (n,).

    Parameters
    ----------
    values, mean, sd : (n, d) tensors
    """
    return (-0.5 * ((values - mean) / sd).square() - sd.log() - HALF_LOG_TAU).sum(dim=1)


def log_bernoulli(values: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Log chances of independent values 0 and 1, summed over columns, (n,).

    Parameters
    ----------
    values, logits : (n, d) tensors
    """
    return -nn.functional.binary_cross_entropy_with_logits(logits, values, reduction="none").sum(dim=1)


class Law(nn.Module):
    """A network that gives means and standard deviations.

    **Shape**: (n, sizes[0]) to two (n, sizes[-1]).
    """

    def __init__(self, sizes: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        self.net = mlp([*sizes[:-1], 2 * sizes[-1]], generator=generator, activation="elu")

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Means and standard deviations."""
        mean, raw = self.net(inputs).chunk(2, dim=1)
        return mean, nn.functional.softplus(raw) + SMALLEST


class Outcome(nn.Module):
    """A law of the outcome for each arm, on layers of their own or on shared ones; normal, or of two values.

    **Shape**: (n, inputs) to the log chances (n,) of outcomes, or to (n, 2) means.
    """

    def __init__(
        self, inputs: int, hidden: Sequence[int], *, shared: bool, chances: bool, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.chances = chances
        self.trunk: nn.Module = nn.Identity()
        sizes = [inputs, *hidden]
        if shared and hidden:
            self.trunk = mlp(sizes, generator=generator, activation="elu", final="elu")
            sizes = sizes[-1:]
        arms = [mlp([*sizes, 1 if chances else 2], generator=generator, activation="elu") for _ in range(2)]
        self.arms = nn.ModuleList(arms)

    def forward(self, factors: torch.Tensor) -> torch.Tensor:
        """Mean outcomes without and with treatment."""
        h = self.trunk(factors)
        means = torch.cat([arm(h)[:, :1] for arm in self.arms], dim=1)
        return torch.sigmoid(means) if self.chances else means

    def log_chance(self, Y: torch.Tensor, T: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
        """Log density, or chance, of (n, 1) outcomes in the arms received."""
        total = Y.new_zeros(len(Y))
        h = self.trunk(factors)
        for number, arm in enumerate(self.arms):
            rows = torch.nonzero(T[:, 0] == number)[:, 0]
            if not len(rows):
                continue
            out = arm(h[rows])
            if self.chances:
                found = log_bernoulli(Y[rows], out)
            else:
                found = log_normal(Y[rows], out[:, :1], nn.functional.softplus(out[:, 1:]) + SMALLEST)
            total = total.index_copy(0, rows, found)
        return total


class Factors(ArmNetwork):
    """Encoders, decoders and the two further predictions.

    **Shape**: (n, p) to (n, 2).
    """

    marks: torch.Tensor
    measured: torch.Tensor
    draws: torch.Tensor
    held_draws: torch.Tensor

    def __init__(self, options: Any, sample: Sample) -> None:
        super().__init__(options)
        generator, hidden = sample.generator, list(options.hidden)
        self.sizes = (options.treatment_factors, options.shared_factors, options.outcome_factors)
        n_t, n_c, n_y = self.sizes
        self.encoders = nn.ModuleList([Law([sample.covariates, *hidden[1:], size], generator) for size in self.sizes])
        X = torch.cat([sample.training["X"], sample.held["X"].cpu()])
        marks = ((X == 0) | (X == 1)).all(dim=0)
        constant = (X[:1] == X).all(dim=0)
        self.register_buffer("marks", torch.nonzero(marks & ~constant)[:, 0])
        self.register_buffer("measured", torch.nonzero(~marks & ~constant)[:, 0])
        latent = n_t + n_c + n_y
        self.measured_law = Law([latent, *hidden, len(self.measured)], generator) if len(self.measured) else None
        self.marks_logits = (
            mlp([latent, *hidden, len(self.marks)], generator=generator, activation="elu") if len(self.marks) else None
        )
        self.treatment = linear(n_t + n_c, 1, generator=generator)
        self.treatment_check = linear(n_t + n_c, 1, generator=generator)
        self.outcome, self.outcome_check = (
            Outcome(n_c + n_y, widths, shared=shared, chances=sample.chances, generator=generator)
            for widths, shared in ((hidden, False), (hidden[1:], True))
        )
        self.generator = generator
        batches = 1 if options.batch_size is None else max(1, round(len(sample.training["X"]) / options.batch_size))
        self.steps = options.epochs * batches
        # The same draws for every row: what is predicted for a unit does not depend on who else is asked about.
        half = torch.randn(options.draws, latent, generator=generator)
        self.register_buffer("draws", torch.cat([half, -half]))
        self.register_buffer("held_draws", torch.randn(len(sample.held["X"]), latent, generator=generator))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Mean outcomes without and with treatment, over the draws of the factors."""
        n_t = self.sizes[0]
        found = []
        for block in X.split(BLOCK):
            laws = [encoder(block) for encoder in self.encoders]
            mean, sd = (torch.cat([law[k] for law in laws[1:]], dim=1) for k in (0, 1))
            arms = [self.outcome(mean + sd * draw[n_t:]) for draw in self.draws]
            found.append(torch.stack(arms).mean(dim=0))
        return torch.cat(found)

    def phases(self) -> list[Phase]:
        """One phase of Adam whose learning rate falls by the same factor each step, to a share of its first value."""
        adam = torch.optim.Adam(self.parameters(), lr=self.options.learning_rate, fused=True)
        per_step = self.options.final_rate ** (1 / self.steps)
        return [Phase("fit", self.losses, adam, schedule=torch.optim.lr_scheduler.ExponentialLR(adam, per_step))]

    def losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Minus the evidence bound and minus the weighted predictions, means over rows."""
        noise = torch.randn(len(batch["X"]), sum(self.sizes), generator=self.generator)
        return self._parts(batch, noise.to(batch["X"].device))

    def objective(self, batch: Batch) -> torch.Tensor:
        """The same on the held-out rows, with the same draws of the factors at every look."""
        return torch.stack(list(self._parts(batch, self.held_draws).values())).sum()

    def _parts(self, batch: Batch, noise: torch.Tensor) -> dict[str, torch.Tensor]:
        X, T, Y = batch["X"], batch["T"], batch["Y"]
        laws = [encoder(X) for encoder in self.encoders]
        mean, sd = (torch.cat([law[k] for law in laws], dim=1) for k in (0, 1))
        z = mean + sd * noise
        n_t, n_c, _ = self.sizes
        with_treatment, with_outcome = z[:, : n_t + n_c], z[:, n_t:]
        parts = {"divergence": kl_to_standard(mean, sd)}
        if self.measured_law is not None:
            parts["measured covariates"] = -log_normal(X[:, self.measured], *self.measured_law(z))
        if self.marks_logits is not None:
            parts["marks"] = -log_bernoulli(X[:, self.marks], self.marks_logits(z))
        parts["treatment"] = -log_bernoulli(T, self.treatment(with_treatment))
        parts["outcome"] = -self.outcome.log_chance(Y, T, with_outcome)
        strengths = self.options.treatment_strength, self.options.outcome_strength
        parts["treatment check"] = -strengths[0] * log_bernoulli(T, self.treatment_check(with_treatment))
        parts["outcome check"] = -strengths[1] * self.outcome_check.log_chance(Y, T, with_outcome)
        return {name: value.mean() for name, value in parts.items()}
