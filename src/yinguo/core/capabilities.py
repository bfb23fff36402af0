"""What a method can do, said once.

Error messages, ``yinguo methods``, the documentation tables and the conformance tests are all
generated from these records; nowhere else is there a list of what supports what.
"""

from dataclasses import dataclass

__all__ = ["ASSUMPTIONS", "Capabilities"]

#: The assumptions methods may name, each in one sentence that a reader of a report can judge.
ASSUMPTIONS = {
    "randomised": "The treatment was assigned at random, so the two arms differ by chance only. (Not testable here.)",
    "unconfounded": "Every cause that {treatment} and {outcome} share is among the covariates. "
    "(Not testable; see sensitivity.)",
    "overlap": "Every unit compared had some chance of either treatment. (Checked: overlap.)",
    "no_interference": "One unit's treatment does not change another unit's outcome. (Not testable here.)",
    "linear_outcome": "Given the treatment, the mean of {outcome} is linear in the covariates. (Partly testable.)",
    "propensity_model": "The model for the chance of treatment is right. (Partly checked: balance.)",
    "either_model": "The model for the chance of treatment or the model for the outcome is right; both need not be.",
    "balance_is_enough": "What matters for {outcome} is linear in the balanced terms, or the odds of treatment are "
    "log-linear in them.",
    "separateness": "The covariates split into confounders and variables that move the outcome alone. (Not testable.)",
    "relevance": "The instruments move {treatment}, given the covariates. (Checked: first stage.)",
    "exclusion": "The instruments reach {outcome} through {treatment} alone. (Partly testable: over-identification, "
    "instrumental inequalities.)",
    "as_if_random": "Given the covariates, the instruments share no cause with {outcome}. (Not testable here.)",
    "additive_noise": "Whatever else moves {outcome} adds to the effect of {treatment} and has mean zero at every "
    "value of the instruments and covariates. (Not testable here.)",
    "linear_effect": "The mean of {outcome} is linear in {treatment} and the covariates, with the same slope for "
    "everybody. Otherwise the answer is an average over those whom the instruments move. (Partly testable.)",
    "linear_in_treatment": "For given covariates {outcome} is linear in {treatment}; the slope may differ between "
    "covariates in any way. (Partly testable: a method that lets the curve bend should agree.)",
    "monotone": "The instruments push {treatment} in one direction for everybody, or not at all. (Partly testable.)",
    "control_function": "What the first stage leaves unexplained of {treatment} carries all that {treatment} and the "
    "noise of {outcome} share, and is independent of the instruments. (Not testable here.)",
    "complete": "The instruments vary enough to tell any two effect curves apart. (Not testable.)",
    "shadow": "Selection bias: the shadow variable moves {outcome} but, given covariates, treatment and outcome, has "
    "nothing to do with who is seen. (Relevance is checked; the rest is partly testable: shadow moments.)",
    "some_shadow": "Selection bias: more of the candidate covariates are shadow variables than agree on any one wrong "
    "answer. (Not testable.)",
    "shadow_selection_model": "Selection bias: the model for the chance to be seen given covariates, treatment and "
    "{outcome} is right. (Partly testable: shadow moments.)",
    "seen_by_chance": "Selection bias: whatever the covariates, treatment and {outcome}, everybody had some chance to "
    "be seen. (Partly checked: represented, selection weights.)",
    "some_valid": "More of the candidate instruments are valid than agree on any one wrong answer. (Not testable.)",
    "selection_on_observables": "Selection bias: whether {outcome} was seen depends on {treatment} and the covariates, "
    "not beyond them on {outcome} itself. (Not testable; worst-case limits do without it.)",
    "selection_positivity": "Selection bias: whatever its treatment and covariates, every unit had some chance to be "
    "seen. (Checked: chance-to-be-seen.)",
    "selection_model": "Selection bias: the model for the chance to be seen is right. (Partly checked: seen-like-all.)",
    "either_selection_model": "Selection bias and confounding: the models for the chances of treatment and of being "
    "seen are right, or the model for {outcome} is.",
    "joint_normal_errors": "Selection bias: what else moves being seen and what else moves {outcome} are jointly "
    "normal; their correlation is what is corrected for. (Partly checked: correlation.)",
    "selection_exclusion": "Selection bias: some covariate moves who is seen without moving {outcome}; without one "
    "only the shape of the normal distribution identifies the correction. (Checked: exclusion, mills-collinearity.)",
    "persistence": "Confounding and selection of the past: {treatment} depends on its own previous value. (Checked: "
    "first-stage.)",
    "no_lagged_cross_edge": "The previous value of {treatment} reaches {outcome} through the present value alone, "
    "given the previous values of everything else. (Testable only with an instrument of {treatment} besides: "
    "over-identification; see residual-correlation.)",
    "serially_independent": "Confounding: what {treatment} and {outcome} share unmeasured is new at every step, "
    "independent of the past. (Checked: memory.)",
    "stationary": "The relations are the same at every step, and steps are no longer than causes take. (Not tested.)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one estimator supports, assumes and promises.

    Attributes
    ----------
    treatment : tuple of {"binary", "multi-valued", "continuous"}
        Treatment kinds accepted.
    outcome : tuple of {"binary", "continuous"}
        Outcome kinds accepted.
    estimands : tuple of {"ATE", "ATT", "ATC", ...}
        Estimands offered; the first is the default.
    needs : tuple of role names
        Roles the study must have, e.g. ``("covariates",)``.
    instruments : int
        Fewest instruments with which the method says anything; a method that sorts valid candidates from invalid ones
        needs several.
    honours : tuple of {"sample_weight", "groups", "instruments"}
        Optional roles that change the numbers and are handled. A study that has one of the
        first two is refused by a method that does not list it, because ignoring it would be a silent wrong number.
    inference : str
        Where the standard error comes from, in a few words; ``"none"`` if there is no valid one.
    unit_effects : str
        ``"no"`` for a method that estimates an average only. A method that estimates an effect for every unit
        (``effect(X)``) says where the intervals of these (``effect_interval(X)``) come from, in a few words, or
        ``"without intervals"``.
    assumes : tuple of keys of :data:`ASSUMPTIONS`
        What must be true for the answer to be causal.
    holds : tuple of str
        Equivariances the conformance suite checks, of a method that hands the learning to other learners with ones
        that have them: ``"row_order"``, ``"outcome_affine"``
        (Y to aY+b scales the estimate by a and the standard error by abs(a)), ``"instrument_affine"``
        (invertible affine maps of Z change nothing), ``"label_swap"``
        (T to 1-T flips the ATE, turns the ATT into minus the ATC), ``"covariate_affine"``
        (invertible affine maps of X change nothing), ``"covariate_scale"`` (column-wise rescaling
        changes nothing), ``"weights_repeat"`` (integer sample weights equal repeated rows),
        ``"weights_constant"`` (a common factor on the sample weights changes nothing).
    all_rows : bool
        True if the method needs all rows in memory at once (neighbours, kernels, networks); False if
        it is a handful of passes over weighted moments.
    trains : bool
        True if fitting trains networks, minutes rather than seconds; the command line then runs the method only
        when it is asked for by name.
    extra : str
        Extra of the package that ``fit`` needs, a key of :data:`yinguo.core.lazy.EXTRAS`; ``""`` if none. Without it
        the method can be looked at, and ``fit`` says what to install.
    """

    treatment: tuple[str, ...] = ("binary",)
    outcome: tuple[str, ...] = ("binary", "continuous")
    estimands: tuple[str, ...] = ("ATE", "ATT", "ATC")
    needs: tuple[str, ...] = ("covariates",)
    instruments: int = 1
    honours: tuple[str, ...] = ()
    inference: str = "none"
    unit_effects: str = "no"
    assumes: tuple[str, ...] = ("unconfounded", "overlap", "no_interference")
    holds: tuple[str, ...] = ("row_order",)
    all_rows: bool = False
    trains: bool = False
    extra: str = ""
