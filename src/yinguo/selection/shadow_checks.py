"""What can be checked of a shadow variable: does it say anything of the outcome, do its moments hold, what is left.

That given covariates, treatment and outcome it has nothing to do with who is seen cannot be checked by itself; with
more moments than coefficients, it can be checked together with the form of the selection model.
"""

from typing import Any

import numpy as np
from scipy.stats import chi2

from yinguo.core.diagnostic import Diagnostic
from yinguo.diagnose.balance import effective_sample_size
from yinguo.diagnose.hypothesis_test import HypothesisTest
from yinguo.kernels.moments import solve_gram
from yinguo.kernels.shadow_moments import OddsFit
from yinguo.selection.shadow_odds_models import Seen, shadow_functions

__all__ = ["relevance_check", "relevance_test", "represented_check", "shadow_check", "shadow_extras", "weights_check"]

#: Below this F the moments hardly tell the effect of the outcome on selection from none.
WEAK = 10.0


def relevance_test(seen: Seen, *, rich: bool = True) -> HypothesisTest:
    """Robust Wald test that, among those seen, the outcome has nothing to do with the shadow variable.

    Parameters
    ----------
    seen : Seen
    rich : bool
        With squares and products of the shadow variables.
    """
    rows = seen.rows
    null = "given covariates and treatment the outcome has nothing to do with the shadow variable among those seen"
    V = shadow_functions(seen, rich=rich, only_shadow=True)[rows]
    base = np.column_stack([np.ones(rows.sum()), seen.X[rows], seen.T[rows]])
    root = np.sqrt(np.ones(len(base)) if seen.s is None else seen.s[rows])[:, None]
    shift = base.mean(axis=0) * (np.arange(base.shape[1]) > 0)
    base = (base - shift) * root
    net = lambda M: M - base @ solve_gram(base.T @ base, base.T @ M, intercept=True)  # noqa: E731
    y, V = net(seen.Y[rows, None] * root), net(V * root)
    gram = V.T @ V
    size = np.sqrt(np.maximum(np.diag(gram), 0))
    V = V[:, size > 1e-8 * np.sqrt(max(len(V), 1))]
    spare = len(V) - base.shape[1] - V.shape[1]
    if V.shape[1] == 0 or spare < 1:
        return HypothesisTest(name="relevance", null=null, reason="too few rows were seen, or no variation is left.")
    inverse = np.linalg.pinv(V.T @ V, rcond=1e-10, hermitian=True)
    beta = inverse @ (V.T @ y)[:, 0]
    scores = V * (y[:, 0] - V @ beta)[:, None]
    rank = int(np.linalg.matrix_rank(V.T @ V, tol=1e-10 * np.linalg.norm(V.T @ V), hermitian=True))
    middle = inverse @ (scores.T @ scores) @ inverse * len(V) / spare
    wald = float(beta @ np.linalg.pinv(middle, rcond=1e-10, hermitian=True) @ beta)
    return HypothesisTest(name="relevance", null=null, statistic=wald, df=rank, p_value=float(chi2.sf(wald, rank)))


def shadow_extras(seen: Seen, odds: OddsFit, relevance: HypothesisTest) -> dict[str, Any]:
    """Figures of the tests for the extras of a result, from which the checks below speak."""
    found: dict[str, Any] = {
        "effective_rows_seen": effective_sample_size((1 + odds.w)[seen.rows]),
        "rows_seen": int(seen.rows.sum()),
        "represented": {f"{arm:g}": _represented(seen, odds, arm) for arm in (0.0, 1.0) if np.any(arm == seen.T)},
        "j_statistic": odds.statistic,
        "j_df": odds.df,
        "j_p_value": odds.p_value,
    }
    if relevance.valid:
        found |= {
            "relevance_f": float(relevance.statistic) / max(int(relevance.df), 1),  # type: ignore[arg-type]
            "relevance_p_value": relevance.p_value,
        }
    return found


def _represented(seen: Seen, odds: OddsFit, arm: float) -> float:
    """Rows for which the rows seen in an arm stand, against the rows there are: 1 but for chance."""
    s, own = np.ones(len(seen.T)) if seen.s is None else seen.s, arm == seen.T
    return float((s * seen.S * (1 + odds.w))[own].sum() / s[own].sum())


def relevance_check(result) -> Diagnostic:
    """Verdict on whether the shadow variable says anything of the outcome."""
    F, p = result.extras.get("relevance_f"), result.extras.get("relevance_p_value")
    if F is None:
        return Diagnostic("shadow relevance", None, "F above 10", "look", "too few rows to test the shadow variable.")
    shown = f"F {F:.3g}, p {'below 0.0001' if p < 1e-4 else f'= {p:.2g}'}"
    if p > 0.05:
        return Diagnostic(
            "shadow relevance", F, "F above 10", "stop",
            f"among those seen the shadow variable has nothing to do with {result.outcome!r} that the data show "
            f"({shown}): it identifies nothing. Use another one.",
        )  # fmt: skip
    if F < WEAK:
        return Diagnostic(
            "shadow relevance", F, "F above 10", "look",
            f"the shadow variable says little of {result.outcome!r} ({shown}); estimate and interval are shaky.",
        )  # fmt: skip
    return Diagnostic("shadow relevance", F, "F above 10", "ok", f"the shadow variable tells of the outcome ({shown}).")


def shadow_check(result) -> Diagnostic:
    """Verdict on whether the moments of the shadow variable hold together."""
    J, df, p = (result.extras[name] for name in ("j_statistic", "j_df", "j_p_value"))
    if p is None:
        return Diagnostic(
            "shadow moments", None, "p above 0.05", "look",
            "there are as many moments as coefficients, so that the shadow variable is taken on trust: nothing in the "
            "data can contradict it.",
        )  # fmt: skip
    verdict = "ok" if p > 0.05 else "look" if p > 0.001 else "stop"
    said = (
        "the moments agree with each other"
        if verdict == "ok"
        else "the moments contradict each other: the shadow variable bears on who is seen, or the selection model has "
        "the wrong form"
    )
    return Diagnostic("shadow moments", p, "p above 0.05", verdict, f"{said} (J {J:.3g} with {df} df, p = {p:.2g}).")


def represented_check(result) -> Diagnostic:
    """Verdict on whether the rows seen in each arm stand for as many as there are."""
    shares = result.extras["represented"]
    arm, share = max(shares.items(), key=lambda item: abs(item[1] - 1))
    gap = abs(share - 1)
    verdict = "ok" if gap <= 0.1 else "look" if gap <= 0.25 else "stop"
    why = (
        ""
        if verdict == "ok"
        else "; those who are never seen are nowhere among the weights, or a few rows hold them all"
    )
    return Diagnostic(
        "represented", share, "between 0.9 and 1.1", verdict,
        f"weighted, the rows seen with {result.treatment!r} = {arm} stand for {share:.0%} of those there are{why}.",
    )  # fmt: skip


def weights_check(result) -> Diagnostic:
    """Verdict on how many rows the weights 1/Q leave.

    On the collider design intervals of 95 % cover in 92 to 95 % of draws where that share is 0.17 or more, and in 84 %
    where it is 0.05.
    """
    left, seen = result.extras["effective_rows_seen"], result.extras["rows_seen"]
    share = left / seen
    verdict = "ok" if share >= 0.3 else "look" if share >= 0.1 else "stop"
    return Diagnostic(
        "selection weights", share, "at least 30 %", verdict,
        f"weighted to stand for everybody, the {seen} rows seen are worth {left:.0f}"
        + ("." if verdict != "stop" else "; a few rows decide, and the interval is too short."),
    )  # fmt: skip
