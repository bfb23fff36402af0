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

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check
from yinguo.errors import DataError

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
        from yinguo.instruments.networks.agmm import train  # PyTorch is loaded when it is needed

        self.curve_ = train(self, *self.take_roles(study), as_rng(self.random_state))
        self.history_ = self.curve_.history
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for adversarial networks; bootstrap it, or use 2sls.",
            checks=(first_stage_check,),
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return self.curve_(X, T)
