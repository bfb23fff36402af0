r"""DragonNet: outcome heads and the propensity from one representation, and a correction that makes them fit together.

.. math:: \min \frac{1}{n} \sum_i (y_i - Q_{t_i}(x_i))^2 + \mathrm{CE}(t_i, g(x_i))
   + \beta \big(y_i - Q_{t_i}(x_i) - \varepsilon h_i\big)^2 + \tfrac{\lambda}{2} \sum_W \|W\|^2,
   \qquad h_i = \frac{t_i}{g_i} - \frac{1 - t_i}{1 - g_i}

Covariates that say nothing about the treatment do not confound, so a representation that must predict the treatment
keeps what adjustment needs. The scalar :math:`\varepsilon` is learned with the networks; at its minimum the doubly
robust score of the average has mean zero on the rows learned from (targeted regularisation).

Source: Shi, Blei & Veitch (2019), "Adapting neural networks for the estimation of treatment effects", NeurIPS, and the
authors' published programme.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.study import Study
from yinguo.heterogeneity.learner import INFERENCE, EffectLearner
from yinguo.heterogeneity.training import fit_by_training

__all__ = ["DragonNet"]


class DragonNet(EffectLearner):
    r"""DragonNet: outcomes and propensity from one representation, with targeted regularisation.

    **Use it when** the average effect matters most, there are many covariates, and few of them drive the treatment.
    **Not when** there are only some hundred rows, or the effects of single units are the question: the representation
    gives up what predicts the outcome but not the treatment (see tarnet).

    **Assumes** unconfoundedness and overlap.

    **Where we differ from the paper or its code, and why**: losses are means over the batch and not sums, so that the
    penalty does not depend on the batch: the authors' 0.01 against sums over 64 rows is 3e-4 here. One schedule, that
    of the other networks, in the place of Adam with early stopping and then plain gradient steps. Covariates are
    standardised as well as the outcome, marks of two values become 0 and 1. Effects of units are :math:`Q_1 - Q_0`
    without the term :math:`\varepsilon h`, which is meant for averages and large where g is near 0 or 1. The average in
    ``result_`` comes from other folds. For an outcome of two values the correction is made to the log-odds.

    **Inference**: for the average only, from cross-fitted doubly robust scores; none for single units.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        Which average ``result_`` holds.
    targeted_strength : float
        beta; 0 leaves targeted regularisation out.
    treatment_strength : float
        Weight of the cross-entropy of the treatment.
    normalise : bool
        Divide each representation by its length.
    representation : sequence of int
        Widths of the layers of phi.
    heads : sequence of int
        Widths of the hidden layers of each head.
    head_penalty : float
        lambda.
    epochs : int
        Steps, each on a batch drawn at random.
    batch_size : int
        Rows in a batch.
    learning_rate : float
        Of Adam; times 0.97 every 100 steps.
    validation : float in (0, 1)
        Share of the rows of each arm held out; the weights with the smallest objective on them are kept.
    look_every : int
        Steps between two looks at the held-out rows.
    patience : int or None
        Looks without a new smallest objective after which training stops; None takes all steps.
    propensity : None, {"logit", "probit"} or classifier
        For the average; None is the network's own, learned on other folds.
    folds : int, (n,) int array or None
        For the average, which takes one more training for each; None trains once and gives no interval.
    clip : float
        Propensities are moved into [clip, 1 - clip].
    device : str
        Where to compute.
    random_state : int, Generator or None
        Held-out rows, first weights, batches and folds.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> X, T = rng.normal(size=(300, 2)), rng.integers(0, 2, 300) * 1.0
    >>> study = yg.Study.from_arrays(X, T, X[:, 1] + T * (1 + X[:, 0]))
    >>> learner = yg.DragonNet(epochs=20, representation=(20,), heads=(10,)).fit(study)
    >>> learner.effect(X[:3]).shape
    (3,)
    """

    capabilities = Capabilities(
        inference=INFERENCE,
        unit_effects="without intervals",
        holds=(),
        all_rows=True,
        trains=True,
    )
    name = "dragonnet"
    curves_: Any

    def __init__(
        self,
        *,
        estimand: str = "ATE",
        targeted_strength: float = 1.0,
        treatment_strength: float = 1.0,
        normalise: bool = False,
        representation: Sequence[int] = (200, 200, 200),
        heads: Sequence[int] = (100, 100),
        head_penalty: float = 3e-4,
        epochs: int = 3000,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        validation: float = 0.3,
        look_every: int = 20,
        patience: int | None = 50,
        propensity: Any = None,
        folds: Any = 2,
        clip: float = 0.01,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.estimand = estimand
        self.targeted_strength = targeted_strength
        self.treatment_strength = treatment_strength
        self.normalise = normalise
        self.representation = representation
        self.heads = heads
        self.head_penalty = head_penalty
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation = validation
        self.look_every = look_every
        self.patience = patience
        self.propensity = propensity
        self.folds = folds
        self.clip = clip
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "DragonNet":
        """Estimate on a study; see :class:`DragonNet`."""
        from yinguo.heterogeneity.networks.dragonnet import train  # PyTorch is loaded when it is needed

        fit_by_training(self, study, train)
        return self

    def _means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.curves_(X)
