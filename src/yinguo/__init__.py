"""yinguo (因果): which associations are causal, how large the effect is, and whether you can act on it.

>>> import yinguo as yg
>>> study = yg.Study({"t": [0, 1] * 20, "y": [0.0, 1.5] * 20, "x": range(40)}, treatment="t", outcome="y")
>>> round(yg.RegressionAdjustment().fit(study).result_.estimate, 6)
1.5

Everything is imported when it is first used; importing yinguo costs next to nothing.
"""

from yinguo import confounding as _confounding
from yinguo import heterogeneity as _heterogeneity
from yinguo import instruments as _instruments
from yinguo import selection as _selection
from yinguo import stable as _stable
from yinguo import temporal as _temporal
from yinguo.core.lazy import lazy_exports as _lazy_exports

__version__ = "0.1.0"

_EXPORTS = {
    "Study": "yinguo.core.study",
    "EffectResult": "yinguo.core.result",
    "Diagnostic": "yinguo.core.diagnostic",
    "Capabilities": "yinguo.core.capabilities",
    "Comparison": "yinguo.core.compare",
    "compare": "yinguo.core.compare",
    "bootstrap": "yinguo.core.bootstrap",
    "DataError": "yinguo.errors",
    "OverlapError": "yinguo.errors",
    "NotIdentifiedError": "yinguo.errors",
    "ConvergenceError": "yinguo.errors",
    "write_report": "yinguo.report",
    "datasets": "yinguo.datasets",
    "diagnose": "yinguo.diagnose",
    "language": "yinguo.language",
}
for _package in (_confounding, _instruments, _heterogeneity, _selection, _temporal, _stable):
    _EXPORTS |= dict.fromkeys(_package.__all__, _package.__name__)

__all__ = ["__version__", *_EXPORTS]
__getattr__, __dir__ = _lazy_exports(__name__, _EXPORTS)
