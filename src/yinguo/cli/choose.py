"""Which methods to run: those asked for, or all that the roles of the study license.

Everything is read from the registry and from the capabilities of each class; no method is named here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yinguo.core.estimator import Estimator
from yinguo.core.registry import estimators, find
from yinguo.core.study import Study
from yinguo.errors import DataError

__all__ = ["ALL_ROWS_LIMIT", "LeftOut", "default_methods", "estimands", "make_estimators", "objection"]

#: Above this many rows a method that needs all rows at once runs only when asked for by name.
ALL_ROWS_LIMIT = 200_000


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A method that was not run, and why.

    Attributes
    ----------
    method, reason : str
    """

    method: str
    reason: str

    def to_dict(self) -> dict[str, str]:
        """Plain JSON types."""
        return {"method": self.method, "reason": self.reason}


def estimands() -> tuple[str, ...]:
    """Every estimand that some method offers."""
    return tuple(dict.fromkeys(e for cls in estimators().values() for e in cls.capabilities.estimands))


def default_methods(study: Study, estimand: str) -> tuple[list[str], list[LeftOut]]:
    """Names of the methods to run when none is asked for, and those left out.

    Raises
    ------
    DataError
        No method is left; the message says why.
    """
    objections = {name: objection(cls, study, estimand) for name, cls in estimators().items()}
    chosen = [name for name, reason in objections.items() if reason is None]
    left_out = [LeftOut(name, reason) for name, reason in objections.items() if reason is not None]
    if not chosen:
        reasons = "; ".join(dict.fromkeys(item.reason for item in left_out))
        raise DataError(f"no method can be run on this study: {reasons}.")
    return chosen, left_out


def objection(cls: type[Estimator], study: Study, estimand: str) -> str | None:
    """Why a method should not be run on a study, None if nothing speaks against it."""
    can = cls.capabilities
    if estimand not in can.estimands:
        return f"estimates {', '.join(can.estimands)}, not the {estimand}"
    if study.treatment_kind not in can.treatment:
        levels = ", ".join(f"{v:g}" if isinstance(v, float) else repr(v) for v in study.treatment_levels[:5])
        met = f" with {len(study.treatment_levels)} values: {levels}" if levels else ""
        return (
            f"needs a {' or '.join(can.treatment)} treatment and {study.roles['treatment']!r} is "
            f"{study.treatment_kind}{met}; --treated VALUE compares one value with the rest"
        )
    if study.outcome_kind not in can.outcome:
        return f"needs a {' or '.join(can.outcome)} outcome and {study.roles['outcome']!r} is {study.outcome_kind}"
    for role in can.needs:
        if not study.has(role):
            return f"needs {role} and the study has none"
    if study.has("selection") and "selection" not in can.needs:
        return f"does not correct for outcomes that are missing where {study.roles['selection']!r} is 0"
    if study.has("time") and "time" not in can.needs:
        return "takes rows as they are and makes nothing of their order in time; ask for it with --methods"
    if study.has("shadow") and "shadow" not in can.needs:
        return (
            "makes nothing of a shadow variable and takes it that being seen does not depend on "
            f"{study.roles['outcome']!r} itself in the way the shadow is for; ask for it with --methods to compare"
        )
    if study.has("instruments") and "instruments" not in (*can.needs, *can.honours):
        return "uses no instruments; ask for it with --methods to see what it would say without them"
    if "instruments" in can.needs and len(study.instruments) < can.instruments:
        return f"needs at least {can.instruments} instruments and the study has {len(study.instruments)}"
    if can.unit_effects != "no":
        return "is made for effects that differ between units; see `yinguo effects`, or ask for it with --methods"
    if can.trains:
        return "trains networks, which takes minutes; ask for it with --methods"
    for role in ("sample_weight", "groups"):
        if study.has(role) and role not in can.honours:
            return f"does not honour {role}"
    if can.all_rows and study.n > ALL_ROWS_LIMIT:
        return f"needs all {study.n:,} rows in memory at once; ask for it with --methods if there is time and memory"
    return None


def make_estimators(
    names: Sequence[str], estimand: str, settings: Mapping[str, Any], random_state: int | None = None
) -> list[Estimator]:
    """Unfitted estimators with their options.

    Parameters
    ----------
    names : sequence of str
    estimand : str
    settings : mapping of ``METHOD.OPTION`` to value
    random_state : int, optional
        For every method that draws at random.

    Raises
    ------
    DataError
        Unknown method or option, a setting for a method that is not run, an estimand that a method asked
        for does not offer.
    """
    classes = [find(name) for name in names]
    chosen: dict[str, dict[str, Any]] = {cls.name: {} for cls in classes}
    for key, value in settings.items():
        name, _, option = key.partition(".")
        cls = find(name)
        name = cls.name
        if name not in chosen:
            raise DataError(
                f"--set {key}: {name} is not among the methods run ({', '.join(chosen)}); add it to --methods."
            )
        if option == "estimand":
            raise DataError(f"--set {key}: all methods of a table estimate the same thing; use --estimand.")
        if option not in cls.option_defaults():
            raise DataError(f"--set {key}: {name} has no option {option!r}; it has {', '.join(cls.option_defaults())}.")
        chosen[name][option] = value
    return [_made(cls, estimand, chosen[cls.name], random_state) for cls in classes]


def _made(cls: type[Estimator], estimand: str, options: Mapping[str, Any], random_state: int | None) -> Estimator:
    takes = cls.option_defaults()
    common: dict[str, Any] = {}
    if "estimand" in takes:
        common["estimand"] = estimand
    elif estimand not in cls.capabilities.estimands:
        offered = ", ".join(cls.capabilities.estimands)
        raise DataError(f"{cls.name} estimates {offered}, not the {estimand}; leave it out or change --estimand.")
    if "random_state" in takes and random_state is not None:
        common["random_state"] = random_state
    return cls(**(common | dict(options)))
