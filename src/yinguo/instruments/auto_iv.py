r"""AutoIV: representations that act as instrument and as confounder, found among candidates nobody has labelled.

From the candidates v two networks make :math:`z = \phi_Z(v)` and :math:`c = \phi_C(v)`. With Delta the CLUB contrast,
which bounds mutual information, z is to tell much about the treatment t, little about the outcome y among pairs of rows
alike in t, and little about c; c is to tell much about t and y:

.. math:: \min_{\phi_Z, \phi_C} \Delta_w(z, y) + \Delta(z, c) - \Delta(z, t) - \Delta(c, t) - \Delta(c, y)
   + \tfrac{\lambda}{5} \sum_W \tfrac12 \|W\|^2 .

The five conditional laws behind the contrasts learn by likelihood. In the same rounds a network predicts the treatment
from z and c, and another the outcome from c and that prediction,

.. math:: \min \frac{1}{n} \sum_i (t_i - \hat t(z_i, c_i))^2 + (y_i - h(c_i, e(\hat t(z_i, c_i))))^2
   + \tfrac{\lambda}{5} \sum_W \tfrac12 \|W\|^2 ,

e an embedding; the curve is h with the treatment set in the place of its prediction.

Source: Yuan, Wu, Kuang, Li, Wu, Wu & Lin (2022), "Auto IV: counterfactual prediction via automatic instrumental
variable decomposition", ACM TKDD 16(4), and the authors' published programme.
"""

from typing import Any

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.random import as_rng
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.errors import DataError

__all__ = ["AutoIV"]

#: Rows whose candidates a prediction averages over.
AVERAGED = 200
#: Rows put through the networks at a time.
BLOCK = 50_000


class AutoIV(StructuralEstimator):
    """Instrument and confounder representations from unlabelled candidates, and a curve from them.

    The candidates are what the study holds as instruments, in whatever mixture of instruments, confounders and
    bystanders, together with its covariates. ``predict(X, T)`` sets treatment and covariates and averages over the
    other candidates as they occur in the study. :meth:`transform` hands the representations to any other method.

    **Use it when** many variables come before the treatment, some of them surely move it alone, and nobody can say
    which. **Not when** an instrument is known: use it. The representation is a guess that no test can confirm.

    **Assumes** that among the candidates there are relevant instruments that reach the outcome through the treatment
    alone, that noise adds to the effect, and that the losses above find them. They need not: a variable that tells of
    the treatment and, past it, little of the outcome may still have causes in common with it.

    **Where we differ from the paper or its code, and why**: contrasts without weights average over all pairs of rows
    instead of one shuffle, which is the same in expectation and less noisy; columns are standardised; the authors'
    programme gives the outcome network the candidates of the test rows, here it averages over those of the study, so
    that the curve is a function of treatment and covariates. Kept as it is: maximising upper bounds, which is a
    heuristic, and pair weights that are a softmax of a kernel, which prefers pairs alike in the treatment by a factor
    of at most e.

    Parameters
    ----------
    second_stage : estimator with ``predict(X, T)``, optional
        Fitted to the representations as instruments and covariates, and used for the curve instead of the outcome
        network above.
    representation : int
        Columns of z and of c.
    embedding : int
        Columns of the embedding of the treatment.
    contrast_strength : float
        Weight of the five contrasts against their penalty; 0 leaves plain two-stage regression on representations.
    pair_width : float
        Width of the kernel of the pair weights, in standard deviations of the treatment.
    l2 : float
        lambda.
    epochs : int
        Rounds of the three steps.
    learning_rate : float
        Of Adam; times 0.95 every 100 rounds.
    batch_size : int or None
        Rows in a round; None is all.
    device : str
        Where to compute.
    random_state : int, Generator or None
        First weights, pairs, and the rows that predictions average over.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> V, e = rng.normal(size=(300, 3)), rng.normal(size=300)
    >>> T = V[:, 0] + e
    >>> study = yg.Study.from_arrays(np.empty((300, 0)), T, np.abs(T) + V[:, 1] + e, Z=V)
    >>> found = yg.AutoIV(epochs=10).fit(study)
    >>> found.transform(study).covariates
    ('c1', 'c2', 'c3', 'c4')
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
    name = "auto-iv"

    def __init__(
        self,
        *,
        second_stage: Any = None,
        representation: int = 4,
        embedding: int = 4,
        contrast_strength: float = 1.0,
        pair_width: float = 0.1,
        l2: float = 1e-3,
        epochs: int = 1000,
        learning_rate: float = 1e-3,
        batch_size: int | None = None,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.second_stage = second_stage
        self.representation = representation
        self.embedding = embedding
        self.contrast_strength = contrast_strength
        self.pair_width = pair_width
        self.l2 = l2
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def fit(self, study: Study) -> "AutoIV":
        """Estimate on a study; see :class:`AutoIV`."""
        from yinguo.instruments.networks.auto_iv import train  # PyTorch is loaded when it is needed

        Y, T, X, Z = self.take_roles(study)
        rng = as_rng(self.random_state)
        self.found_ = train(self, Y, T, np.column_stack([Z, X]), rng)
        self.history_ = self.found_.history
        self.averaged_ = Z[rng.permutation(study.n)[:AVERAGED]]
        self.second_stage_ = None
        if self.second_stage is not None:
            self.second_stage_ = self.second_stage.clone().fit(self.transform(study))
        self.result_ = self.average_effect(
            study, no_inference="no standard error is known for instruments that were themselves learned."
        )
        return self

    def represent(self, Z: Any, X: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Both representations of candidates.

        Parameters
        ----------
        Z : (n, q) array
            The candidates that the study holds as instruments.
        X : (n, p) array, or None if the study had no covariates

        Returns
        -------
        z, c : (n, d) float arrays
            Instrument-like and confounder-like.
        """
        if "found_" not in self.__dict__:
            raise DataError("this AutoIV is not fitted; call fit(study) first.")
        V = np.column_stack([np.asarray(Z, dtype=np.float64)] + ([] if X is None else [np.asarray(X, np.float64)]))
        if V.shape[1] != self.found_.candidates:
            raise DataError(
                f"there are {V.shape[1]} candidates; the study this was fitted on has {self.found_.candidates}."
            )
        return self.found_.represent(V)

    def transform(self, study: Study) -> Study:
        """A study of the same treatment and outcome with z as instruments and c as covariates.

        Parameters
        ----------
        study : Study
            With the candidates of the study this was fitted on; its rows may be others.
        """
        if study.Z is None:
            raise DataError("AutoIV needs instruments; the study has none. Name columns for them.")
        z, c = self.represent(study.Z, study.X)
        called = {role: study.roles[role] for role in ("treatment", "outcome")}
        names = [f"c{k + 1}" for k in range(c.shape[1])]
        return Study.from_arrays(c, study.T, study.Y, Z=z, covariates=names, **called)

    def _structure(self, X: np.ndarray, T: np.ndarray) -> np.ndarray:
        # Rows with the same covariates and treatment have the same average.
        points, back = np.unique(np.column_stack([X, T]), axis=0, return_inverse=True)
        around, found = self.averaged_, np.empty(len(points))
        step = max(1, BLOCK // len(around))
        for first in range(0, len(points), step):
            block = points[first : first + step]
            x, t = np.repeat(block[:, :-1], len(around), axis=0), np.repeat(block[:, -1], len(around))
            values = self._curve(*self.represent(np.tile(around, (len(block), 1)), x), t)
            found[first : first + step] = values.reshape(len(block), -1).mean(axis=1)
        return found[back.ravel()]

    def _curve(self, z: np.ndarray, c: np.ndarray, t: np.ndarray) -> np.ndarray:
        if self.second_stage_ is not None:
            return self.second_stage_.predict(c, t)
        return self.found_.outcome(c, t)
