r"""DESCN: outcomes of both arms learned from all units, through the propensity and through a head for the effect.

With a shared representation and four heads, the propensity :math:`\pi`, the chances :math:`\mu_0, \mu_1` of an outcome
of two values and the effect on the log-odds :math:`\tau`,

.. math:: \min\; a_\pi L(t, \pi) + a_1 L(y t, \pi \mu_1) + a_0 L\big(y (1 - t), (1 - \pi) \mu_0\big)
   + b_1 L_{t=1}\big(y, \sigma(\mathrm{lo}_0 + \tau)\big) + b_0 L_{t=0}\big(y, \sigma(\mathrm{lo}_1 - \tau)\big),

with L cross-entropies, :math:`\mathrm{lo}_t` the log-odds of :math:`\mu_t` and :math:`\sigma` the logistic function.
The second and third term see every unit, treated or not; the last two tie the arms together.

Source: Zhong, Xiao, Ren, Liang, Yao, Yang & Cen (2022), "DESCN: deep entire space cross networks for individual
treatment effect estimation", KDD, and the authors' published programme.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.study import Study
from yinguo.heterogeneity.learner import INFERENCE, EffectLearner
from yinguo.heterogeneity.training import fit_by_training

__all__ = ["DESCN"]


class DESCN(EffectLearner):
    r"""DESCN: outcomes of both arms from all units, tied by a head for the effect.

    **Use it when** the outcome has two values, the arms are of very unequal size and there are thousands of rows, as in
    marketing. **Not when** rows are few or the propensity is hard to learn: the chances of the outcome are learned
    through its product with them, and inherit its errors.

    **Assumes** unconfoundedness and overlap.

    **Where we differ from the paper or its code, and why**: the authors weigh the treated by 1/(2u), u their share, and
    the control units by 1 in the loss of the propensity, but by 1/(2(1 - u)) in those of its products with the
    outcomes; unless the arms are equal in size the two are minimised by different propensities, and the chances of the
    outcome make up for it. Here the weights are those of the second in both, so that the true chances minimise every
    term. An outcome that has more than two values is our extension: squares of the standardised outcome in the place of
    cross-entropies, sums in the place of sums of log-odds. Steps on random batches and looks at held-out rows, as in
    the other networks, in the place of a few passes; covariates are standardised, marks of two values become 0 and 1;
    the penalty spares the representation. The effect of a unit is :math:`\mu_1 - \mu_0`, as in the authors' programme,
    and not the head's.

    **Inference**: for the average only, from cross-fitted doubly robust scores; none for single units.

    Parameters
    ----------
    estimand : {"ATE", "ATT", "ATC"}
        Which average ``result_`` holds.
    treatment_strength : float
        a for the propensity.
    entire_strength : float
        a of both arms, for outcomes seen through the propensity.
    cross_strengths : pair of float
        b, on the treated and on the control units.
    weighted : bool
        Weigh the rows so that both arms count alike, in all terms on all rows.
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
    >>> study = yg.Study.from_arrays(X, T, X[:, 1] + T * X[:, 0] > 0)
    >>> learner = yg.DESCN(epochs=20, representation=(20,), heads=(10,)).fit(study)
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
    name = "descn"
    curves_: Any

    def __init__(
        self,
        *,
        estimand: str = "ATE",
        treatment_strength: float = 0.5,
        entire_strength: float = 1.0,
        cross_strengths: tuple[float, float] = (0.8, 0.3),
        weighted: bool = True,
        normalise: bool = True,
        representation: Sequence[int] = (256, 256, 128),
        heads: Sequence[int] = (128, 128, 128),
        head_penalty: float = 1e-3,
        epochs: int = 3000,
        batch_size: int = 500,
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
        self.treatment_strength = treatment_strength
        self.entire_strength = entire_strength
        self.cross_strengths = cross_strengths
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

    def fit(self, study: Study) -> "DESCN":
        """Estimate on a study; see :class:`DESCN`."""
        from yinguo.heterogeneity.networks.descn import train  # PyTorch is loaded when it is needed

        fit_by_training(self, study, train)
        return self

    def _means(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.curves_(X)
