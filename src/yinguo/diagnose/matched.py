"""Did everybody whose effect is asked for find a match, and how near was it?"""

from yinguo.core.diagnostic import Diagnostic

__all__ = ["match_check"]

_WHO = {"ATE": "units", "ATT": "treated units", "ATC": "controls"}


def match_check(result) -> Diagnostic:
    """Verdict on the share of target units without a match.

    Units without a match are left out, so the estimate is for fewer people than asked for.

    Parameters
    ----------
    result : EffectResult
        With ``n_target`` (units whose effect is asked for) and ``n_unmatched`` in its extras.
    """
    target, without = result.extras["n_target"], result.extras["n_unmatched"]
    share = without / target
    verdict = "ok" if share <= 0.01 else "look" if share <= 0.1 else "stop"
    who = _WHO[result.estimand]
    sentence = (
        f"each of the {target} {who} has a match."
        if without == 0
        else f"{without} of the {target} {who} ({share:.1%}) have no match and are left out."
    )
    return Diagnostic("matched", share, "at most 1 % without a match", verdict, sentence)
