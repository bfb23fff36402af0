"""Effects when the confounders were measured."""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS = {
    "DifferenceInMeans": "difference_in_means",
    "RegressionAdjustment": "regression_adjustment",
    "ExactMatching": "exact_matching",
    "NearestNeighborMatching": "nearest_neighbor_matching",
    "PropensityMatching": "propensity_matching",
    "IPW": "ipw",
    "AIPW": "aipw",
    "EntropyBalancing": "entropy_balancing",
    "ApproximateResidualBalancing": "approximate_residual_balancing",
    "DifferentiatedConfounderBalancing": "differentiated_confounder_balancing",
    "D2VD": "d2vd",
    "ND2VD": "nd2vd",
}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
