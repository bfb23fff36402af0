r"""Which covariate is a shadow variable? Tests of candidates, one at a time and against each other.

Candidate j is put in the place of the shadow variable: the selection model :math:`Q(x_{-j}, t, y)` leaves it out, and
the moments :math:`E[h(x, t)(S/Q - 1)] = 0` are solved with functions h of it. Three things can be looked at.

* **Relevance.** Among those seen, has the outcome to do with it? If not, nothing follows from its moments.
* **Its own moments.** With squares and products there are more moments than coefficients, and J tests them. Its power
  is low: what a wrong candidate does to the chance of being seen is almost matched by another coefficient of the
  outcome, which is the very reason why a shadow variable is needed.
* **Agreement.** Every shadow variable gives the same coefficient of the outcome in the selection model; each other
  candidate is off by an amount of its own, as a candidate instrument that acts on the outcome is. Differences are
  tested with the influence values of both fits. The candidates that agree with most others are believed, the one among
  them that says most of the outcome is the reference, and every other candidate is tested against it.

The last has power, and rests on more shadow variables among the candidates than agree on any one wrong answer. With one
candidate, or none that agree, there is nothing to hold it against.

Source: our construction; the vote is that of Guo, Kang, Cai & Small (2018), JRSS-B 80(4), for candidate instruments.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from yinguo.core.inference import p_value, standard_error
from yinguo.core.study import Study
from yinguo.errors import ConvergenceError, NotIdentifiedError
from yinguo.selection.shadow_checks import relevance_test
from yinguo.selection.shadow_odds_models import logistic_odds, seen_parts

__all__ = ["Candidate", "search"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the tests said of one candidate.

    Attributes
    ----------
    name : str
    relevance : float
        F of the outcome on functions of the candidate among those seen; 0 where it could not be computed.
    own_p_value : float or None
        Of J of its own moments.
    coefficient, se : float or None
        Of the outcome in the selection model that it gives, per unit; None without a solution.
    agrees_with : tuple of names
    p_value : float or None
        Of the null that it is a shadow variable given that the reference is; None for the reference and for candidates
        without a solution.
    verdict : {"chosen", "agrees", "rejected", "irrelevant", "no solution"}
    """

    name: str
    relevance: float
    own_p_value: float | None = None
    coefficient: float | None = None
    se: float | None = None
    agrees_with: tuple[str, ...] = ()
    p_value: float | None = None
    verdict: str = "irrelevant"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {name: getattr(self, name) for name in self.__slots__}


def search(study: Study, names: Sequence[str], *, level: float = 0.05, weakest: float = 10.0) -> tuple[Candidate, ...]:
    """Test candidates and choose one.

    Parameters
    ----------
    study : Study
        With selection.
    names : sequence of str
        Covariates.
    level : float in (0, 1)
        Of the test against the reference. Votes, and the tests of own moments, share it among the candidates.
    weakest : float
        F below which a candidate counts as irrelevant.

    Returns
    -------
    tuple of Candidate, in the order of ``names``; one has the verdict "chosen"

    Raises
    ------
    NotIdentifiedError
        No candidate is relevant and has a solution.
    """
    looked = [_look(study, study.covariates.index(name), weakest) for name in names]
    share = level / len(names)
    able = [k for k, (candidate, phi) in enumerate(looked) if phi is not None]
    sound = [k for k in able if (looked[k][0].own_p_value or 1.0) >= share]
    if not sound:
        raise NotIdentifiedError(_none_left([candidate for candidate, _ in looked], weakest))
    p = {(j, k): _difference(looked[j], looked[k], study.groups) for j in able for k in able if j != k}
    friends = {j: [k for k in sound if k != j and p[j, k] >= share] for j in able}
    most = max(len(friends[j]) for j in sound)
    leader = max((j for j in sound if len(friends[j]) == most), key=lambda j: looked[j][0].relevance)
    believed = [leader, *friends[leader]]
    chosen = max(believed, key=lambda j: looked[j][0].relevance)
    found = []
    for k, (candidate, phi) in enumerate(looked):
        if phi is None:
            found.append(candidate)
            continue
        against = None if k == chosen else p[k, chosen]
        wrong = against is not None and against < level
        unsound = k not in sound
        found.append(
            replace(
                candidate,
                agrees_with=tuple(looked[j][0].name for j in friends[k]),
                p_value=against,
                verdict="chosen" if k == chosen else "rejected" if wrong or unsound else "agrees",
            )
        )
    return tuple(found)


def _look(study: Study, j: int, weakest: float) -> tuple[Candidate, np.ndarray | None]:
    """Relevance and own moments of covariate j, with the influence values of the coefficient of the outcome."""
    seen = seen_parts(study, X=np.delete(study.X, j, axis=1), V=study.X[:, [j]])
    test = relevance_test(seen)
    F = 0.0 if test.statistic is None else float(test.statistic) / max(int(test.df), 1)  # type: ignore[arg-type]
    candidate = Candidate(study.covariates[j], F)
    if weakest > F:
        return candidate, None
    try:
        odds = logistic_odds(seen)
    except (NotIdentifiedError, ConvergenceError):
        return replace(candidate, verdict="no solution"), None
    spread = float(seen.Y[seen.rows].std())
    phi = odds.phi[:, -1] / spread
    coefficient, se = float(odds.theta[-1]) / spread, standard_error(phi, study.groups)
    return replace(candidate, own_p_value=odds.p_value, coefficient=coefficient, se=se), phi


def _difference(one, other, groups) -> float:
    """p-value of the null that two candidates give the same coefficient."""
    gap = one[0].coefficient - other[0].coefficient
    return p_value(gap, standard_error(one[1] - other[1], groups))


def _none_left(candidates: Sequence[Candidate], weakest: float) -> str:
    strongest = max(candidates, key=lambda candidate: candidate.relevance)
    said = ", ".join(f"{c.name} {c.verdict if c.own_p_value is None else 'contradicts itself'}" for c in candidates)
    return (
        f"none of the {len(candidates)} candidates can be a shadow variable ({said}); the most relevant is "
        f"{strongest.name!r} with F {strongest.relevance:.3g}, needed is {weakest:g}. Name other candidates."
    )
