"""Effects when confounders were not measured but something moves the treatment and nothing else: an instrument."""

from yinguo.core.lazy import lazy_exports as _lazy_exports

_EXPORTS: dict[str, str] = {
    "TwoStageLeastSquares": "two_stage_least_squares",
    "LIML": "limited_information_maximum_likelihood",
    "KernelIV": "kernel_iv",
    "DFIV": "dfiv",
    "DeepGMM": "deep_gmm",
    "DeepIV": "deep_iv",
    "OneSIV": "one_siv",
    "CBIV": "cb_iv",
    "AutoIV": "auto_iv",
    "AGMM": "agmm",
    "NN2SLS": "nn_2sls",
    "DFL": "dfl",
    "AlleleScore": "allele_score",
    "MedianWald": "median_wald",
    "TSHT": "tsht",
    "CIIV": "ciiv",
    "SisVIVE": "sis_vive",
    "ModeIV": "mode_iv",
    "ControlFunction": "control_function",
    "SeriesControlFunction": "series_control_function",
    "FlexibleControlFunction": "flexible_control_function",
    "read_mliv": "mliv_layout",
    "Poly2SLS": "poly_2sls",
    "SieveIV": "sieve_iv",
    "DualIV": "dual_iv",
    "KernelAGMM": "kernel_agmm",
}
__all__ = list(_EXPORTS)
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
