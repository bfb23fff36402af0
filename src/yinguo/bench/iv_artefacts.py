"""A mistake behind printed rows of instrumental-variable tables, so that the tables can show what it does.

The treatment network of the logistic DeepIV in a published comparison ends in a softmax over a single unit, which is 1
whatever goes in. Every draw of the treatment in the second stage is then 1: the curve is fitted to the outcomes of
everybody as if all were treated, and at 0 it was never trained. It belongs in no estimator; it is here for a row named
after it, beside the row of the correct method. The other mistake of that comparison, a recoded treatment, is
``RecodedTreatment`` of :mod:`yinguo.bench.instrument_rows`.

Source: the code of Wu, Kuang, Li & Wu (2022), ICML, "Instrumental variable regression with confounder balancing".
"""

from typing import Any

import numpy as np

from yinguo.core.study import Study
from yinguo.errors import DataError
from yinguo.instruments.deep_iv import DeepIV

__all__ = ["SoftmaxOfOneDeepIV"]


class SoftmaxOfOneDeepIV(DeepIV):
    """DeepIV whose treatment model says 1 for everybody; options as :class:`~yinguo.instruments.DeepIV`.

    **Use it when** a table needs the published row. **Not when** an effect is wanted: this has nothing to do with one.

    **Assumes** nothing that could make it right.

    Examples
    --------
    >>> import numpy as np, yinguo as yg
    >>> rng = np.random.default_rng(0)
    >>> Z, U = rng.normal(size=(2, 300))
    >>> T = (Z + U > 0).astype(float)
    >>> study = yg.Study.from_arrays(np.empty((300, 0)), T, T + U, Z=Z)
    >>> SoftmaxOfOneDeepIV(epochs=2).fit(study).result_.method
    'deep-iv-softmax-of-one'
    """

    name = "deep-iv-softmax-of-one"

    def _model(self, study: Study) -> str:
        if study.treatment_kind != "binary":
            raise DataError("a softmax of one unit is the published mistake for treatments of two values only.")
        return super()._model(study)

    def _chances(self, chances: Any) -> Any:
        return np.tile(np.array([0.0, 1.0], dtype=np.float32), (len(chances), 1))
