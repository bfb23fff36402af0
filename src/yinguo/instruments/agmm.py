r"""AGMM: the curve whose errors no function of the instruments can predict, found by a game.

A learner h proposes a curve; an adversary f looks for a function of instruments and covariates that goes with its
errors:

.. math:: \min_h \max_f\; \frac{1}{n} \sum_i \big(y_i - h(t_i, x_i)\big) f(z_i, x_i)
   - \frac{1}{n} \sum_i f(z_i, x_i)^2 .

With a free adversary the best f is half the mean error given the instruments, and the value a quarter of its mean
square: the projected error, which is what instruments identify. Learner and adversary take one step of optimistic Adam
each per batch. What the theory bounds is the error of the average of the learners along the way.

Source: Dikkala, Lewis, Mackey & Syrgkanis (2020), NeurIPS, "Minimax estimation of conditional moment models".
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check
from yinguo.errors import DataError
from yinguo.nets import nn, torch
from yinguo.nets.blocks import Standardiser, make_generator, mlp, tensor
from yinguo.nets.optimistic_adam import OptimisticAdam
from yinguo.nets.stage import predicted
from yinguo.nets.trainer import Batch, Epoch, Phase, Trainer

__all__ = ["AGMM"]


class AGMM(StructuralEstimator):
    """Adversarial generalised method of moments with networks.

    **Use it when** treatment or instruments are too many for kernels and features must be learned, and there are many
    thousand rows. **Not when** the table is small: the game is noisy, and kernel-iv or dfiv are steadier.

    **Assumes** relevant instruments that reach the outcome through the treatment alone, noise that adds to the effect,
    and instruments rich enough to tell effect curves apart.

    **Where we differ from the paper or its code, and why**: columns are standardised, so that one learning rate does
    for all tables; no dropout, which the published networks apply to their inputs as well, treatment included, so that
    the learner never sees a clean row; decays of (0.5, 0.9) in place of (0, 0.01), with which every step is the sign of
    one batch's gradient, and no penalties on weights by default: on held-out rows of the airline-demand design the
    squared moments of the errors fall to a sixth by the one and to an eighth by the other; the average leaves out the
    first half of the epochs, whose learners are still far off.

    Parameters
    ----------
    learner_hidden, adversary_hidden : sequence of int
        Widths of the hidden layers.
    dropout : float
        Share of hidden units left out while training, in both networks.
    learner_l2, adversary_l2 : float
        Penalties on squared weights, biases exempt.
    learner_rate, adversary_rate : float
        Learning rates of optimistic Adam.
    betas : (float, float)
        Decay of the means of the gradient and of its square.
    predict_by : {"average", "last"}
        Average of the learners at the ends of the epochs, or the last one.
    burn_in : float in [0, 1)
        Share of the epochs, from the first on, that the average leaves out.
    epochs : int
        Passes over the data.
    batch_size : int
        Rows per step.
    device : str
        Where to compute.
    random_state : int, Generator or None
        First weights and batches.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 500))
    >>> study = yg.Study.from_arrays(np.empty((500, 0)), Z + U, np.abs(Z + U) + U, Z=Z)
    >>> yg.AGMM(epochs=3).fit(study).predict(None, [-2.0, 0.0, 2.0]).shape
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
    name = "agmm"

    def __init__(
        self,
        *,
        learner_hidden: Sequence[int] = (100, 100),
        adversary_hidden: Sequence[int] = (100, 100),
        dropout: float = 0.0,
        learner_l2: float = 0.0,
        adversary_l2: float = 0.0,
        learner_rate: float = 2e-3,
        adversary_rate: float = 2e-3,
        betas: tuple[float, float] = (0.5, 0.9),
        predict_by: str = "average",
        burn_in: float = 0.5,
        epochs: int = 150,
        batch_size: int = 200,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.learner_hidden = learner_hidden
        self.adversary_hidden = adversary_hidden
        self.dropout = dropout
        self.learner_l2 = learner_l2
        self.adversary_l2 = adversary_l2
        self.learner_rate = learner_rate
        self.adversary_rate = adversary_rate
        self.betas = betas
        self.predict_by = predict_by
        self.burn_in = burn_in
        self.epochs = epochs
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "AGMM":
        """Estimate on a study; see :class:`AGMM`."""
        if self.predict_by not in ("average", "last"):
            raise DataError(f"predict_by is {self.predict_by!r}; it must be 'average' or 'last'.")
        Y, T, X, Z = self.take_roles(study)
        rng = as_rng(self.random_state)
        generator = make_generator(int(rng.integers(2**63)))
        self.scales_ = {"Y": Standardiser(Y), "T": Standardiser(T), "X": Standardiser(X)}
        X_scaled = self.scales_["X"](X)
        data = {
            "Y": tensor(self.scales_["Y"](Y)),
            "TX": tensor(np.column_stack([self.scales_["T"](T), X_scaled])),
            "ZX": tensor(np.column_stack([Standardiser(Z)(Z), X_scaled])),
        }
        game = _Game(self, data["TX"].shape[1], data["ZX"].shape[1], generator)
        learners: list[nn.Module] = []
        first = int(self.burn_in * self.epochs)

        def keep(epoch: Epoch, network: Any) -> None:
            if self.predict_by == "last":
                learners.clear()
            if epoch.number > first or self.predict_by == "last":
                learners.append(copy.deepcopy(network.learner).eval().requires_grad_(False))

        trainer = Trainer(
            epochs=self.epochs, batch_size=self.batch_size, generator=generator, device=self.device, callbacks=[keep]
        )
        self.history_ = trainer.fit(game, data)
        self.network_, self.learners_ = game, learners
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for adversarial networks; bootstrap it, or use 2sls.",
            checks=(first_stage_check,),
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        inputs = tensor(self.scales_["T"](T)), tensor(self.scales_["X"](X))
        curves = [predicted(learner, *inputs, device=self.device) for learner in self.learners_]
        return self.scales_["Y"].back(np.mean(curves, axis=0))


class _Game(nn.Module):
    """Learner and adversary."""

    def __init__(self, options: AGMM, inputs: int, instruments: int, generator: torch.Generator) -> None:
        super().__init__()
        self.options = options
        make: dict[str, Any] = {"generator": generator, "dropout": options.dropout, "activation": "leaky-relu"}
        self.learner = mlp([inputs, *options.learner_hidden, 1], **make)
        self.adversary = mlp([instruments, *options.adversary_hidden, 1], **make)

    def phases(self) -> list[Phase]:
        """One step each."""
        o = self.options
        return [
            Phase("learner", self.learner_losses, self.optimiser(self.learner, o.learner_rate, o.learner_l2), 1,
                  [self.learner]),
            Phase("adversary", self.adversary_losses, self.optimiser(self.adversary, o.adversary_rate, o.adversary_l2),
                  1, [self.adversary]),
        ]  # fmt: skip

    def optimiser(self, net: nn.Module, rate: float, l2: float) -> OptimisticAdam:
        """Optimistic Adam with a penalty on weights and none on biases."""
        weights = [p for p in net.parameters() if p.ndim > 1]
        biases = [p for p in net.parameters() if p.ndim <= 1]
        groups = [{"params": weights, "weight_decay": l2}, {"params": biases}]
        return OptimisticAdam(groups, lr=rate, betas=self.options.betas)

    def learner_losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """How well the adversary predicts the errors."""
        missed = batch["Y"] - self.learner(batch["TX"])
        return {"moment": (missed * self.adversary(batch["ZX"])).mean()}

    def adversary_losses(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        """The same with the sign turned, and the penalty on its size."""
        f = self.adversary(batch["ZX"])
        missed = batch["Y"] - self.learner(batch["TX"])
        return {"moment": -(missed * f).mean(), "size": f.square().mean()}
