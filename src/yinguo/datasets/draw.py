"""What every loader and generator returns: a study, and the truth a benchmark may hold it against."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from yinguo.core.study import Study

__all__ = ["Draw"]


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One data set, real or drawn.

    Attributes
    ----------
    study : Study
        All that an estimator may see.
    truth : mapping of estimand to value
        Known effects in this very sample; empty if unknown. Never passed to an estimator.
    about : str
        One line: where it is from.
    extras : mapping
        Further truths, e.g. which columns are confounders.
    """

    study: Study
    truth: Mapping[str, float] = field(default_factory=dict)
    about: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict)

    def table(self) -> dict[str, np.ndarray]:
        """Columns by name, treatment and outcome first; what ``yinguo datasets NAME --out FILE`` writes."""
        study = self.study
        columns = {study.roles["treatment"]: study.T, study.roles["outcome"]: study.Y}
        return columns | {name: study.X[:, j] for j, name in enumerate(study.covariates)}
