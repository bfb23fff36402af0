r"""Balancing neural network: one outcome network that is fed the treatment beside a balanced representation.

.. math:: \min_{\phi, h} \frac{1}{n} \sum_i w_i\, \ell\big(y_i, h(\phi(x_i), t_i)\big)
   + \alpha\, D\big(\{\phi(x_i)\}_{t_i = 1}, \{\phi(x_i)\}_{t_i = 0}\big) + \tfrac{\lambda}{2} \sum_W \|W\|^2

with D the discrepancy of factual and counterfactual pairs for linear outcome models. The treatment joins the last layer
of the representation; that is the whole difference from counterfactual regression, which has a head for each arm.

Source: Johansson, Shalit & Sontag (2016), "Learning representations for counterfactual inference", ICML, and the
programme of Shalit, Johansson & Sontag (2017), which contains it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.study import Study
from yinguo.heterogeneity.learner import INFERENCE, EffectLearner
from yinguo.heterogeneity.training import fit_by_training

__all__ = ["BNN"]


class BNN(EffectLearner):
    """Balancing neural network: one head that takes the treatment as an input.

    With ``two_heads=True`` it is counterfactual regression, and with ``balance_strength=0`` too,
    :class:`~yinguo.heterogeneity.tarnet.TARNet`, number for number.

    **Use it when** arms are too small for a head each and the effect is simple, or as the ancestor to compare tarnet
    and cfr with. **Not when** effects differ much between units: one head shared by both arms shrinks them towards each
    other. Without hidden layers in its head (``heads=()``) the effect is the same for all units.

    **Assumes** unconfoundedness and overlap.

    **Where we differ from the paper or its code, and why**: the term that compares counterfactual outcomes with those
    of the nearest neighbour is left out, as the paper's own network leaves it out. Adam with a falling learning rate in
    the place of RMSProp, ELU in the place of ReLU, rows weighed so that the arms count alike, and the same looks at
    held-out rows as in the other networks, so that what differs between them is the method. Outcome and covariates are
    standardised, marks of two values become 0 and 1, and the strength stands against the mean squared error reached so
    far and sets in after some steps, see cfr. With ``heads=()`` the coefficient of the treatment is not penalised.

    **Inference**: for the average only, from cross-fitted doubly robust scores; none for single units.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        Which average ``result_`` holds.
    two_heads : bool
        A head for each arm instead.
    distance : {"linear", "wasserstein", "mmd-linear", "mmd-rbf"}
        D: the linear discrepancy of the paper, the blurred transport distance of later comparisons under this name, or
        one of those of cfr.
    balance_strength : float
        alpha, in units of the outcome's unexplained variance; against its cross-entropy if it has two values.
    warm_up : int
        Steps before the penalty sets in.
    weighted : bool
        Weigh the rows so that both arms count alike.
    normalise : bool
        Divide each representation by its length.
    representation : sequence of int
        Widths of the layers of phi.
    heads : sequence of int
        Widths of the hidden layers of the head.
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
    propensity : {"logit", "probit"} or classifier
        For the average.
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
    >>> learner = yg.BNN(epochs=20, representation=(20,), heads=(10,)).fit(study)
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
    name = "bnn"
    curves_: Any

    def __init__(
        self,
        *,
        estimand: str = "ATE",
        two_heads: bool = False,
        distance: str = "linear",
        balance_strength: float = 0.3,
        warm_up: int = 50,
        weighted: bool = True,
        normalise: bool = True,
        representation: Sequence[int] = (25, 25),
        heads: Sequence[int] = (25, 25),
        head_penalty: float = 1e-3,
        epochs: int = 3000,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        validation: float = 0.3,
        look_every: int = 20,
        patience: int | None = 50,
        propensity: Any = "logit",
        folds: Any = 2,
        clip: float = 0.01,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.estimand = estimand
        self.two_heads = two_heads
        self.distance = distance
        self.balance_strength = balance_strength
        self.warm_up = warm_up
        self.weighted = weighted
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

    def fit(self, study: Study) -> "BNN":
        """Estimate on a study; see :class:`BNN`."""
        from yinguo.heterogeneity.networks.cfr import train  # PyTorch is loaded when it is needed

        fit_by_training(self, study, train)
        return self

    def _means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.curves_(X)
