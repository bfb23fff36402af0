r"""Deep feature instrumental variable regression: two-stage least squares on features that are learned.

The structural function is linear in learned features of the treatment and the covariates,
:math:`g(t, x) = u^\top\big([\psi(t), 1] \otimes [\xi(x), 1]\big)`. On one half of the rows a ridge regression predicts
the treatment features from learned features of instruments and covariates,

.. math:: \hat V = \arg\min_V \sum_i \|\psi(t_i) - V [\phi(z_i, x_i), 1]\|^2 + n_1 \lambda_1 \|V\|^2,

and on the other half a ridge regression fits the outcome with the predicted features in place of the real ones,

.. math:: \hat u = \arg\min_u \sum_i \big(y_i - u^\top([\hat V [\phi(z_i, x_i), 1], 1] \otimes [\xi(x_i), 1])\big)^2
   + n_2 \lambda_2 \|u\|^2 .

The three feature networks take turns: :math:`\phi` lowers the first loss, :math:`\xi` and then :math:`\psi` the second,
the last through both ridge regressions. When training ends both are solved once more.

Source: Xu, Chen, Srinivasan, de Freitas, Doucet & Gretton (2021), ICLR, "Learning deep features in instrumental
variable regression", and the authors' published programme.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check

__all__ = ["DFIV"]


class DFIV(StructuralEstimator):
    """Deep feature instrumental variable regression.

    **Use it when** the effect of the treatment may bend in ways no fixed basis foresees, covariates may change it, and
    there are some thousand rows. **Not when** a line will do: two-stage least squares then has a standard error, which
    this has not.

    **Assumes** relevant instruments that reach the outcome through the treatment alone, noise that adds to the effect,
    and instruments rich enough to tell effect curves apart.

    **Where we differ from the paper or its code, and why**: all columns are standardised, so that the penalties and the
    learning rate mean the same on every table; the published weight decay on the covariate network, which the authors
    set against a sum over rows of squares in the outcome's own unit, where it is nothing, is left out. The learning
    rate is three times theirs and psi has eight features and five steps a round where theirs has one and one (their
    experiment is linear in the treatment); all of it predicts unseen outcomes of the experiment better. The weights
    kept are those of the round that predicts best, through the second stage, the outcomes of the rows that only the
    first stage has seen; they keep those of the last round.

    Parameters
    ----------
    treatment_features : sequence of int
        Widths of the layers of psi; the last is the number of features.
    instrument_features : sequence of int
        Widths of the layers of phi.
    covariate_features : sequence of int
        Widths of the layers of xi; without covariates there is no such network.
    stage1_penalty, stage2_penalty : float
        Ridge penalties of the two stages, per row.
    epochs : int
        Rounds of turns.
    stage1_steps, covariate_steps, stage2_steps : int
        Steps in a row of phi, xi and psi.
    learning_rate : float
        Of Adam, for all three networks.
    split : float in (0, 1)
        Share of the rows, drawn at random, that the first stage learns from.
    patience : int or None
        Rounds without a better second-stage loss on the rows of the first stage after which training stops; None
        goes through all rounds. Either way the weights of the best round are kept.
    device : str
        Where to compute.
    random_state : int, Generator or None
        Split and first weights.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 600))
    >>> study = yg.Study.from_arrays(np.empty((600, 0)), Z + U, np.abs(Z + U) + U, Z=Z)
    >>> curve = yg.DFIV(epochs=10, random_state=1).fit(study)
    >>> curve.predict(None, [-2.0, 0.0, 2.0]).shape
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
    name = "dfiv"

    def __init__(
        self,
        *,
        treatment_features: Sequence[int] = (32, 8),
        instrument_features: Sequence[int] = (128, 64, 32),
        covariate_features: Sequence[int] = (128, 32, 16),
        stage1_penalty: float = 0.1,
        stage2_penalty: float = 0.1,
        epochs: int = 100,
        stage1_steps: int = 20,
        covariate_steps: int = 20,
        stage2_steps: int = 5,
        learning_rate: float = 3e-3,
        split: float = 0.5,
        patience: int | None = 15,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.treatment_features = treatment_features
        self.instrument_features = instrument_features
        self.covariate_features = covariate_features
        self.stage1_penalty = stage1_penalty
        self.stage2_penalty = stage2_penalty
        self.epochs = epochs
        self.stage1_steps = stage1_steps
        self.covariate_steps = covariate_steps
        self.stage2_steps = stage2_steps
        self.learning_rate = learning_rate
        self.split = split
        self.patience = patience
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "DFIV":
        """Estimate on a study; see :class:`DFIV`."""
        from yinguo.instruments.networks.dfiv import train  # PyTorch is loaded when it is needed

        self.curve_ = train(self, *self.take_roles(study), as_rng(self.random_state))
        self.history_ = self.curve_.history
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for features learned by networks; bootstrap it, or use 2sls.",
            checks=(first_stage_check,),
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return self.curve_(X, T)
