r"""Limited information maximum likelihood and the k-class: less biased than two stages if instruments are many.

.. math:: \hat\theta = (\tilde T'(I - \kappa M) \tilde T)^{-1} \tilde T'(I - \kappa M) \tilde Y, \qquad
   M = I - P

with P the projection on the instruments and tilde for net of [1, X]. :math:`\kappa` is the smallest root of
:math:`\det([\tilde Y, \tilde T]'(I - \kappa M)[\tilde Y, \tilde T]) = 0`; with as many instruments as treatments it
is 1 and the estimate is that of two-stage least squares. Fuller's version takes a little off, which gives it moments.

Source: Anderson & Rubin (1949), Annals of Mathematical Statistics 20(1); Fuller (1977), Econometrica 45(4).
"""

import math

import numpy as np

from yinguo.core.capabilities import Capabilities
from yinguo.core.structural import StructuralEstimator
from yinguo.core.study import Study
from yinguo.errors import DataError
from yinguo.instruments.linear_fit import fit_linear, linear_structure
from yinguo.kernels.instrument_moments import InstrumentMoments
from yinguo.kernels.k_class import smallest_root

__all__ = ["LIML"]


class LIML(StructuralEstimator):
    """Linear effect of a confounded treatment, from many or somewhat weak instruments.

    **Use it when** there are more instruments than treatments and two-stage least squares may lean towards least
    squares; the two should agree where instruments are strong. **Not when** instruments are really weak (effective F
    far below 10): the estimate then has no mean and its interval is too short; an Anderson-Rubin interval holds.

    **Assumes** relevance, exclusion, instruments as good as random given the covariates, and one linear effect. With
    effects that differ between people it need not be an average of them, as two-stage least squares is.

    **Inference**: heteroscedasticity-robust, and clustered where the study has groups, for a fixed number of
    instruments. With instruments a sizeable fraction of the rows it is too small.

    ``coefficients_`` and ``covariance_`` hold intercept, treatment and covariates, in that order.

    Parameters
    ----------
    fuller : float
        Takes ``fuller / (n - k)`` off kappa, k the number of instruments and covariates; 1 is nearly unbiased, 4 has
        small mean squared error, 0 is maximum likelihood.
    k : float, optional
        Kappa itself: 1 is two-stage least squares, 0 is least squares.
    covariance : {"robust", "unadjusted"}
        Whether residuals may vary more in some places than in others.
    small : bool
        Factor n/(n-k) on the covariance, with groups G/(G-1) (n-1)/(n-k); False gives large-sample errors.
    endogenous : sequence of str
        Covariates that are confounded as well and instrumented together with the treatment.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(5000, 3)), rng.normal(size=5000)
    >>> T = Z.sum(axis=1) + U
    >>> study = yg.Study.from_arrays(np.empty((5000, 0)), T, 2 * T + U + rng.normal(size=5000), Z=Z)
    >>> bool(abs(yg.LIML().fit(study).result_.estimate - 2) < 0.05)
    True
    """

    name = "liml"
    capabilities = Capabilities(
        treatment=("binary", "multi-valued", "continuous"),
        estimands=("ATE",),
        needs=("instruments",),
        honours=("sample_weight", "groups"),
        inference="robust sandwich",
        assumes=("relevance", "exclusion", "as_if_random", "linear_effect", "no_interference"),
        holds=(
            "row_order", "outcome_affine", "label_swap", "covariate_affine", "instrument_affine", "weights_repeat",
            "weights_constant",
        ),
    )  # fmt: skip

    def __init__(
        self,
        *,
        fuller: float = 0.0,
        k: float | None = None,
        covariance: str = "robust",
        small: bool = True,
        endogenous=(),
    ) -> None:
        self.fuller = fuller
        self.k = k
        self.covariance = covariance
        self.small = small
        self.endogenous = endogenous

    def fit(self, study: Study) -> "LIML":
        """Estimate on a study; see :class:`LIML`."""
        fit_linear(self, study, self._kappa, exact_scores=self.k is not None)
        return self

    def _kappa(self, moments: InstrumentMoments) -> float:
        if self.k is not None:
            if self.fuller != 0:
                raise DataError(f"fuller is {self.fuller!r} and k is {self.k!r}; give one of them.")
            if not (math.isfinite(self.k) and self.k >= 0):
                raise DataError(f"k is {self.k!r}; it must be a number of at least 0.")
            return float(self.k)
        if not (math.isfinite(self.fuller) and self.fuller >= 0):
            raise DataError(f"fuller is {self.fuller!r}; it must be a number of at least 0, such as 1.")
        return smallest_root(moments) - self.fuller / (moments.n - moments.rank - moments.q)

    def _structure(self, X, T) -> np.ndarray:
        return linear_structure(self.__dict__["coefficients_"], X, T)
