"""The contract of every effect estimator.

A constructor stores keyword options and does nothing else; ``fit(study)`` validates, computes and
returns ``self``; what was learned ends in ``_``; ``result_`` is a frozen :class:`EffectResult`;
a second ``fit`` forgets the first.
"""

import inspect
from functools import cache
from typing import Any, ClassVar, Self

import numpy as np

from yinguo.core import inference
from yinguo.core.capabilities import Capabilities
from yinguo.core.options import check_options
from yinguo.core.result import EffectResult
from yinguo.core.study import Study
from yinguo.errors import DataError, NotIdentifiedError

__all__ = ["Estimator", "kebab"]


class Estimator:
    """Base of all effect estimators: options, capability checks and the making of results.

    Subclasses set ``capabilities``, may set ``name`` (command-line name; default: the class name in kebab case) and
    ``also_known_as`` (further names under which people look for the method), store their keyword options in
    ``__init__`` under the same names, and define ``fit``.
    """

    capabilities: ClassVar[Capabilities]
    name: ClassVar[str]
    also_known_as: ClassVar[tuple[str, ...]] = ()
    result_: EffectResult

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = kebab(cls.__name__)

    # -- options ---------------------------------------------------------------------------------

    @classmethod
    def option_defaults(cls) -> dict[str, Any]:
        """Option names and their defaults, from the constructor's signature."""
        return dict(_option_defaults(cls))  # type: ignore[arg-type]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Options as they were given (``deep`` is accepted for scikit-learn and changes nothing)."""
        return {name: getattr(self, name) for name in self.option_defaults()}

    def set_params(self, **options: Any) -> Self:
        """Change options by name."""
        for name, value in options.items():
            if name not in self.option_defaults():
                raise DataError(
                    f"{type(self).__name__} has no option {name!r}; it has {sorted(self.option_defaults())}."
                )
            setattr(self, name, value)
        return self

    def clone(self) -> Self:
        """An unfitted copy with the same options."""
        return type(self)(**self.get_params())

    def __repr__(self) -> str:
        defaults = self.option_defaults()
        changed = {k: v for k, v in self.get_params().items() if v is not defaults[k] and not _same(v, defaults[k])}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in changed.items())})"

    # -- fitting ---------------------------------------------------------------------------------

    def fit(self, study: Study) -> Self:
        """Estimate the effect on a study; the result is in ``result_``."""
        raise NotImplementedError(f"{type(self).__name__} does not define fit")

    def take(self, study: Study) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Check the study against the capabilities and hand out outcome, treatment and covariates.

        Returns
        -------
        Y, T : (n,) float arrays
        X : (n, p) float array

        Raises
        ------
        DataError
            A kind of treatment, a role or an option that this method does not support.
        NotIdentifiedError
            The estimand asked for is not one the method identifies.
        """
        can, who = self.capabilities, type(self).__name__
        if not isinstance(study, Study):
            raise DataError(
                f"{who}.fit takes a Study, not a {type(study).__name__}; see Study(...) or Study.from_arrays."
            )
        check_options(self)
        if self.estimand not in can.estimands:
            raise NotIdentifiedError(f"{who} estimates {', '.join(can.estimands)}, not {self.estimand!r}.")
        if study.treatment_kind not in can.treatment:
            raise DataError(
                f"treatment {study.roles['treatment']!r} is {study.treatment_kind} "
                f"({_values(study)}); {who} needs a {' or '.join(can.treatment)} treatment. "
                "Pass treated= to the Study to compare one value with the rest."
            )
        if study.outcome_kind not in can.outcome:
            raise DataError(f"outcome {study.roles['outcome']!r} is {study.outcome_kind}; {who} needs {can.outcome}.")
        for role in can.needs:
            if not study.has(role):
                raise DataError(f"{who} needs {role}; the study has none. Name columns for them.")
        for role in ("sample_weight", "groups"):
            if study.has(role) and role not in can.honours:
                raise DataError(
                    f"{who} does not support {role} ({study.roles[role]!r}); leave the role out or choose a method "
                    "that honours it (see `yinguo methods`)."
                )
        if "selection" in can.needs:
            _require_selection(study, who)
        elif not np.isfinite(study.Y).all():
            raise DataError(
                f"outcome {study.roles['outcome']!r} is missing where {study.roles['selection']!r} is 0; {who} does "
                "not correct for selection. Use a method of yinguo.selection."
            )
        _require_arms(study, who)
        return study.Y, study.T, study.X

    @property
    def estimand(self) -> str:
        """The estimand asked for; a method with only one need not make it an option."""
        return self.__dict__.get("estimand", self.capabilities.estimands[0])

    @estimand.setter
    def estimand(self, value: str) -> None:
        self.__dict__["estimand"] = value

    # -- results ---------------------------------------------------------------------------------

    def make_result(
        self,
        study: Study,
        estimate: float,
        *,
        phi=None,
        se: float | None = None,
        no_inference: str | None = None,
        n: int | None = None,
        notes=(),
        **parts: Any,
    ) -> EffectResult:
        """A result with roles, settings and notes filled in.

        Parameters
        ----------
        study : Study
        estimate : float
        phi : (n,) float array, optional
            Centred influence values on the rows of the study; the standard error (clustered if the
            study has groups) and the scores come from them.
        se : float, optional
            A standard error that does not come from influence values.
        no_inference : str, optional
            Why there is neither.
        n : int, optional
            Rows used, default all.
        notes : sequence of str
        **parts
            Further fields of :class:`EffectResult`: ``balance_weights``, ``propensity``, ``checks``, ``extras``.
        """
        from yinguo import __version__

        if phi is not None:
            se = inference.standard_error(phi, study.groups)
            parts["scores"] = estimate + phi
        optional = ("instruments", "shadow", "environment", "time")
        used = (*self.capabilities.needs, *self.capabilities.honours)
        unused = {role: study.roles[role] for role in optional if study.has(role) and role not in used}
        named = {role: value if isinstance(value, str) else ", ".join(value) for role, value in unused.items()}
        ignored = [f"the role {role} ({name}) is not used by this method." for role, name in named.items()]
        return EffectResult(
            method=self.name,
            treatment=study.roles["treatment"],
            outcome=study.roles["outcome"],
            estimand=self.estimand,
            estimate=float(estimate),
            se=None if se is None else float(se),
            no_inference=no_inference,
            n=study.n if n is None else int(n),
            settings={"class": type(self).__name__, "options": self.get_params(), "version": __version__},
            notes=(*study.decisions, *notes, *ignored),
            groups=study.groups,
            study=study,
            **parts,
        )


@cache
def _option_defaults(cls: type) -> dict[str, Any]:
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def kebab(name: str) -> str:
    """``NearestNeighborMatching`` to ``nearest-neighbor-matching``; runs of capitals stay together.

    >>> kebab("NearestNeighborMatching"), kebab("AIPW"), kebab("KernelIV")
    ('nearest-neighbor-matching', 'aipw', 'kernel-iv')
    """
    out = ""
    for i, ch in enumerate(name):
        before, after = name[i - 1 : i], name[i + 1 : i + 2]
        if ch.isupper() and before and (before.islower() or (before.isupper() and after.islower())):
            out += "-"
        out += ch.lower()
    return out


def _require_selection(study: Study, who: str) -> None:
    seen, name, outcome = int(np.sum(study.S == 1)), study.roles["selection"], study.roles["outcome"]
    if seen == study.n:
        raise DataError(
            f"selection {name!r} is 1 in all {study.n} rows: {outcome!r} is never missing and there is nothing for "
            f"{who} to correct. Leave the role selection out."
        )
    if seen < 2:
        raise DataError(f"selection {name!r} is 1 in {seen} of {study.n} rows; {who} learns from rows with an outcome.")


def _require_arms(study: Study, who: str) -> None:
    """Both arms have rows to learn from: rows whose outcome was seen."""
    if study.treatment_kind != "binary":
        return
    s = study.sample_weight
    for arm, label in ((1.0, "treated"), (0.0, "control")):
        members = (arm == study.T) & np.isfinite(study.Y)
        count = int(np.count_nonzero(members if s is None else members & (s > 0)))
        if count < 2:
            raise DataError(
                f"the {label} arm of {study.roles['treatment']!r} has {count} row(s) (of {study.n}) with an outcome; "
                f"{who} needs at least 2 in each arm."
            )


def _values(study: Study) -> str:
    levels = study.treatment_levels
    if not levels:
        return f"from {study.T.min():g} to {study.T.max():g}"
    shown = ", ".join(f"{v:g}" if isinstance(v, float) else repr(v) for v in levels[:5])
    return f"{len(levels)} values: {shown}" + (", ..." if len(levels) > 5 else "")


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and isinstance(a, bool | int | float | str | tuple) and a == b
