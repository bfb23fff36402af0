r"""OneSIV: both stages of an instrumental-variable regression in one loss.

A treatment network reads instruments and covariates, an outcome network reads the treatment that the first one expects,
and both are trained together on

.. math:: w_1 \frac{1}{n} \sum_i (y_i - \hat y_i)^2 + w_2\, \ell_T .

With a treatment of few values the first network gives chances, :math:`\ell_T` is the cross-entropy, and

.. math:: \hat y_i = \sum_k p_k(z_i, x_i)\, f(t_k, x_i)

is the exact expectation: for two values :math:`p_0 f(0, x) + p_1 f(1, x)`. With a continuous one
:math:`\hat y_i = f(\hat t(z_i, x_i), x_i)` and :math:`\ell_T` is the mean squared error: the plug-in, which is right
only where f is linear in the treatment given the covariates.

Source: Lin, Lu, Xuan, Zhu & Zhang (2019), ICDM, "One-stage deep instrumental variable method for causal inference from
observational data"; the exact expectation as in the code of Wu, Kuang, Li & Wu (2022), ICML.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.diagnose.first_stage import first_stage_check

__all__ = ["OneSIV"]


class OneSIV(StructuralEstimator):
    """One-stage deep instrumental variable regression.

    **Use it when** the treatment has two or a few values and the effect differs between people. **Not when** the
    treatment is continuous and its effect bends: the expected treatment then stands in for the treatment itself, and
    the answer is wrong however many rows there are; use dfiv, deep-iv or kernel-iv.

    **Assumes** relevant instruments that reach the outcome through the treatment alone, noise that adds to the effect,
    and instruments rich enough to tell effect curves apart; with a continuous treatment, that the effect is linear in
    it given the covariates.

    **Where we differ from the paper or its code, and why**: columns are standardised, so the weights of the two losses
    are in standard deviations (the published 0.0017 to 1 compares squared units of one particular outcome and
    treatment); no dropout by default, since with the published half of all units the joint loss on held-out rows of the
    airline-demand design is three times as large; the epoch with the smallest joint loss on held-out rows is kept and
    the learning rate falls to zero; rows are shuffled.

    Parameters
    ----------
    outcome_weight, treatment_weight : float
        w1 and w2. What makes the expected treatment an expectation is the second: too little of it, and the treatment
        network serves the outcome alone.
    hidden : sequence of int
        Widths of the hidden layers of both networks.
    dropout : float
        Share of hidden units left out while training.
    l2 : float
        Penalty on squared weights, against the joint loss.
    epochs : int
        Passes over the data.
    batch_size : int
        Rows per step.
    learning_rate : float
        Of Adam in the first step.
    validation : float in (0, 1)
        Share of the rows held out to choose the epoch.
    patience : int or None
        Epochs without a new best after which training stops.
    device : str
        Where to compute.
    random_state : int, Generator or None
        Split, first weights, batches and dropout.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 500))
    >>> T = (Z + U > 0).astype(float)
    >>> study = yg.Study.from_arrays(np.empty((500, 0)), T, T + U, Z=Z)
    >>> yg.OneSIV(epochs=5).fit(study).predict(None, [0.0, 1.0]).shape
    (2,)
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
    name = "one-siv"

    def __init__(
        self,
        *,
        outcome_weight: float = 1.0,
        treatment_weight: float = 1.0,
        hidden: Sequence[int] = (128, 64, 32),
        dropout: float = 0.0,
        l2: float = 0.0,
        epochs: int = 100,
        batch_size: int = 200,
        learning_rate: float = 5e-3,
        validation: float = 0.1,
        patience: int | None = None,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.outcome_weight = outcome_weight
        self.treatment_weight = treatment_weight
        self.hidden = hidden
        self.dropout = dropout
        self.l2 = l2
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation = validation
        self.patience = patience
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "OneSIV":
        """Estimate on a study; see :class:`OneSIV`."""
        from yinguo.instruments.networks.one_siv import train  # PyTorch is loaded when it is needed

        roles = self.take_roles(study)
        few = study.treatment_kind != "continuous"
        self.curve_ = train(self, *roles, as_rng(self.random_state), few_values=few)
        self.history_ = self.curve_.history
        notes = () if few else ("consistent only where the effect is linear in the treatment given the covariates.",)
        self.result_ = self.average_effect(
            study,
            no_inference="no standard error is known for OneSIV; bootstrap it, or use 2sls.",
            notes=notes,
            checks=(first_stage_check,),
        )
        return self

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        return self.curve_(X, T)
