r"""Deep generalised method of moments: a game between an effect curve and the moment it violates most.

The structural function g solves :math:`E[f(Z, X)\,(Y - g(T, X))] = 0` for every function f of instruments and
covariates. One network plays g, another plays f, and they move in turn on

.. math:: \min_g \max_f\; \frac1n \sum_i f(z_i, x_i) (y_i - g(t_i, x_i))
   - \frac1{4n} \sum_i f(z_i, x_i)^2 (y_i - \tilde g(t_i, x_i))^2 ,

where :math:`\tilde g` is the present g held fixed: the second term weighs the moments as optimally weighted GMM does.
Which g along the way is kept is decided on rows set aside: every f met so far is a witness, and the g is kept whose
worst violation by any witness is smallest.

Source: Bennett, Kallus & Schnabel (2019), NeurIPS, "Deep generalized method of moments for instrumental variable
analysis", and the authors' published programme.
"""

import copy
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
from yinguo.nets.optimistic_adam import OptimisticAdam
from yinguo.nets.trainer import Batch, Epoch, Phase, Trainer

__all__ = ["DeepGMM", "violations"]


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


class DeepGMM(StructuralEstimator):
    """Deep generalised method of moments.

    **Use it when** the effect may bend freely and there are thousands of rows. **Not when** the sample is small or
    training time is short: two players who chase each other need many rounds, and kernel methods find smooth curves
    faster.

    **Assumes** relevant instruments that reach the outcome through the treatment alone, noise that adds to the effect,
    and instruments rich enough to tell effect curves apart.

    **Where we differ from the paper or its code, and why**: columns are standardised; one setting of the learning rates
    is trained where the authors choose among three by the same criterion as among epochs; the witnesses are the
    adversaries of this very training, not of a preliminary one.

    Parameters
    ----------
    response : sequence of int
        Widths of the hidden layers of g.
    adversary : sequence of int
        Widths of the hidden layers of f.
    learning_rate : float
        Of g.
    adversary_rate : float
        Learning rate of f as a multiple of that of g.
    adversary_steps : int
        Steps of f for each step of g.
    epochs : int
        Passes over the rows.
    batch_size : int
    every : int
        Epochs between two looks at the rows set aside.
    burn_in : int
        Epochs before training may stop.
    patience : int or None
        Looks without a new best curve after which training stops; None goes through all epochs.
    validation : float in (0, 1)
        Share of the rows set aside to choose the curve.
    device : str
        Where to compute.
    random_state : int, Generator or None
        Rows set aside, first weights, order of the rows.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 400))
    >>> study = yg.Study.from_arrays(np.empty((400, 0)), Z + U, np.abs(Z + U) + U, Z=Z)
    >>> yg.DeepGMM(epochs=4, every=2).fit(study).predict(None, [-2.0, 0.0, 2.0]).shape
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
    name = "deep-gmm"

    def __init__(
        self,
        *,
        response: Sequence[int] = (50, 50),
        adversary: Sequence[int] = (50, 50),
        learning_rate: float = 1e-3,
        adversary_rate: float = 5.0,
        adversary_steps: int = 1,
        epochs: int = 400,
        batch_size: int = 500,
        every: int = 5,
        burn_in: int = 100,
        patience: int | None = 20,
        validation: float = 0.2,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.response = response
        self.adversary = adversary
        self.learning_rate = learning_rate
        self.adversary_rate = adversary_rate
        self.adversary_steps = adversary_steps
        self.epochs = epochs
        self.batch_size = batch_size
        self.every = every
        self.burn_in = burn_in
        self.patience = patience
        self.validation = validation
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "DeepGMM":
        """Estimate on a study; see :class:`DeepGMM`."""
        Y, T, X, Z = self.take_roles(study)
        rng = as_rng(self.random_state)
        order = rng.permutation(study.n)
        aside = min(study.n - 2, max(1, round(self.validation * study.n)))
        self.scales_ = {"Y": Standardiser(Y), "T": Standardiser(T), "X": Standardiser(X)}
        columns = {
            "Y": tensor(self.scales_["Y"](Y)),
            "TX": self._inputs(X, T),
            "ZX": tensor(np.column_stack([Standardiser(Z)(Z), self.scales_["X"](X)])),
        }
        parts = [{name: column[rows] for name, column in columns.items()} for rows in (order[aside:], order[:aside])]
        generator = make_generator(int(rng.integers(2**63)))
        network = _Game(self, columns["TX"].shape[1], columns["ZX"].shape[1], generator)
        choice = _Choice(self, {name: column.to(self.device) for name, column in parts[1].items()})
        trainer = Trainer(
            epochs=self.epochs,
            batch_size=self.batch_size,
            generator=generator,
            callbacks=[choice],
            device=self.device,
        )
        self.history_ = trainer.fit(network, parts[0])
        self.kept_epoch_ = choice.restore(network)
        self.network_ = network
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for a curve learned by this game; bootstrap it, or use 2sls.",
            checks=(first_stage_check,),
        )
        return self

    def _inputs(self, X: np.ndarray, T: np.ndarray) -> torch.Tensor:
        return tensor(np.column_stack([self.scales_["T"](T), self.scales_["X"](X)]))

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            g = self.network_.g(self._inputs(X, T).to(self.device))
        return self.scales_["Y"].back(g[:, 0].cpu().numpy())


class _Game(nn.Module):
    """The two players."""

    def __init__(self, options: DeepGMM, response: int, adversary: int, generator: torch.Generator) -> None:
        super().__init__()
        self.options = options
        self.g = mlp([response, *options.response, 1], generator=generator, activation="leaky-relu")
        self.f = mlp([adversary, *options.adversary, 1], generator=generator, activation="leaky-relu")

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
            residual = batch["Y"] - self.g(batch["TX"])
        witness = self.f(batch["ZX"])
        return {
            "minus violation": -(witness * residual).mean(),
            "weight": (witness * residual).square().mean() / 4,
        }

    def response_losses(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The violation, to be minimised by g; the weight is held fixed, so it has no part in this."""
        with torch.no_grad():
            witness = self.f(batch["ZX"])
        return {"violation": (witness * (batch["Y"] - self.g(batch["TX"]))).mean()}


class _Choice:
    """Looks at the rows set aside every few epochs, remembers curves and witnesses, and chooses at the end."""

    def __init__(self, options: DeepGMM, aside: Batch) -> None:
        self.options, self.aside = options, aside
        self.residuals: list[torch.Tensor] = []
        self.witnesses: list[torch.Tensor] = []
        self.states: list[dict[str, torch.Tensor]] = []
        self.epochs: list[int] = []

    @torch.no_grad()
    def __call__(self, epoch: Epoch, network: _Game) -> bool:
        """Record a look; True once no look of the last ``patience`` ones holds the best curve."""
        if epoch.number % self.options.every and epoch.number != self.options.epochs:
            return False
        network.eval()
        self.residuals.append((self.aside["Y"] - network.g(self.aside["TX"]))[:, 0])
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

    def restore(self, network: _Game) -> int:
        """Put the chosen curve back and say of which epoch it is; the last if no look was taken."""
        chosen = self.best()
        network.g.load_state_dict(self.states[chosen])
        return self.epochs[chosen]
