"""What the two tables of confounder-balanced IV regression on real covariates share: printed figures and rows."""

from collections.abc import Mapping
from typing import Any

from yinguo.bench.spec import Build, Method, Published

__all__ = ["PUBLISHED", "ROWS", "SOURCE", "balanced_methods", "binary_methods", "printed_figures"]

SOURCE = (
    'Wu, Kuang, Li & Wu (2022), "Instrumental variable regression with confounder balancing", ICML, PMLR 162: '
    "absolute bias and standard deviation of the ATE within the sample; rows and protocol from the authors' programme."
)

#: |bias| and SD within the sample, for IHDP-2-6-0, IHDP-2-4-2, Twins-5-8-0, Twins-5-5-3.
PRINTED = {
    "DeepIV-LOG": ((2.8736, 0.0577), (2.6227, 0.0651), (0.0135, 0.0215), (0.0237, 0.0111)),
    "DeepIV-GMM": ((3.7760, 0.0316), (3.7396, 0.0402), (0.0194, 0.0047), (0.0221, 0.0041)),
    "OneSIV": ((1.7249, 0.3752), (1.7411, 0.3422), (0.0083, 0.0191), (0.0080, 0.0167)),
    "DFIV": ((3.5543, 0.0891), (3.6218, 0.1038), (0.0268, 0.0005), (0.0265, 0.0003)),
    "DFL": ((3.2018, 0.0496), (3.1991, 0.0374), (0.0624, 0.0586), (0.0847, 0.0049)),
    "DirectRep": ((0.0675, 0.0562), (0.4600, 0.0711), (0.0167, 0.0171), (0.0193, 0.0251)),
    "CFR": ((0.0854, 0.0579), (0.4826, 0.0642), (0.0115, 0.0167), (0.0223, 0.0176)),
    "DRCFR": ((0.0553, 0.0644), (0.4336, 0.0692), (0.0114, 0.0221), (0.0118, 0.0174)),
    "CB-IV": ((0.0117, 0.3882), (0.1601, 0.2499), (0.0067, 0.0271), (0.0014, 0.0249)),
}
COLUMNS = ("IHDP-2-6-0", "IHDP-2-4-2", "Twins-5-8-0", "Twins-5-5-3")
ROWS = tuple(PRINTED)

#: How the authors train the second stage: one network, a rate that falls in stairs, the best of all looks.
PUBLISHED: Mapping[str, Any] = {"networks": 1, "schedule": "stairs", "look_from": 0.0, "validation": 0.3}

SPREAD = "RMSE is computed from the printed bias and SD, the SD corrected for the mean row that was averaged in."
WHY = {
    "DeepIV-LOG": "the treatment network ends in a softmax over one unit, so that every predicted treatment is a 1: "
    "the outcome network never sees a control, and its answer for one is extrapolation.",
    "DeepIV-GMM": "a mixture of Gaussians is fitted to a treatment of 0 and 1.",
    "DFIV": "trained on a treatment recoded to -6.9 and 6.9 and evaluated at 0 and 1, which is 1/13.8 of the contrast.",
    "DFL": "trained on a treatment recoded to -6.9 and 6.9 and evaluated at 0 and 1, which is 1/13.8 of the contrast.",
    "CB-IV": "the smallest bias comes with the largest SD; by RMSE other printed rows are ahead.",
}


def printed_figures(column: str, labels: dict[str, str], replications: int) -> tuple[Published, ...]:
    """The printed figures of one column.

    Parameters
    ----------
    column : str
        One of ``COLUMNS``, which is also the name of the cell.
    labels : dict
        Label of our row by the name that is printed; rows left out are not compared.
    replications : int
        K. The printed SD is over K + 1 rows, the last of which is the mean of the others, and so too small by
        sqrt(K / (K + 1)).
    """
    found = []
    for name, label in labels.items():
        bias, sd = PRINTED[name][COLUMNS.index(column)]
        rmse = (bias**2 + sd**2 * (replications + 1) / replications) ** 0.5
        artefact = name in WHY and name != "CB-IV"
        note = f"{WHY[name]} {SPREAD}" if name in WHY else SPREAD
        values = {"bias": bias, "sd": sd, "rmse": round(rmse, 4)}
        found.append(Published(column, label, values, "artefact" if artefact else "unverified", note, replications))
    return tuple(found)


def binary_methods(
    kernel: Mapping[str, Any] | None = None, *, published: Mapping[str, Any], ours: Mapping[str, Any]
) -> tuple[Method, ...]:
    """Rows for a treatment of two values: regressions, instrumental variables, networks, and repeated errors.

    Parameters
    ----------
    kernel : mapping, optional
        Options of KernelIV, where the exact method would take minutes.
    published, ours : mapping
        Options of CBIV without ``balance_strength`` and ``two_stage``: widths and steps as the authors have them, and
        as we do.
    """

    def iv(name: str, **options: Any) -> Build:
        return Build(f"yinguo.instruments:{name}", options)

    def own(name: str, estimator: Build | None = None) -> Build:
        return Build(f"yinguo.bench.instrument_rows:{name}", {} if estimator is None else {"estimator": estimator})

    given = "Defaults; the instruments and their products with every covariate."
    repeated = "The error repeated on purpose."
    return (
        Method("naive", Build("yinguo.confounding:DifferenceInMeans", {"estimand": "ATE"}), "Nothing to choose."),
        Method("least squares", own("LeastSquares"), "Nothing to choose."),
        Method("AIPW", Build("yinguo.confounding:AIPW", {"estimand": "ATE"}), "Defaults; takes no notice of U."),
        Method("2SLS, instruments alone", iv("TwoStageLeastSquares"), "Nothing to choose."),
        Method("2SLS with products", own("WithProducts", iv("TwoStageLeastSquares")), given),
        Method("LIML with products", own("WithProducts", iv("LIML")), given),
        Method(
            "control function with products",
            own("WithProducts", iv("ControlFunction", treatment_model="probit")),
            "Probit first stage, linear outcome; the instruments and their products with every covariate.",
        ),
        Method("SieveIV", iv("SieveIV"), "Defaults."),
        Method("KernelIV", iv("KernelIV", **(kernel or {})), "Approximated for speed." if kernel else "Defaults."),
        Method("OneSIV", iv("OneSIV"), "Defaults."),
        Method("DFIV", iv("DFIV"), "Defaults."),
        Method("DFIV, recoded", own("RecodedTreatment", iv("DFIV")), repeated, artefact_of="DFIV"),
        Method("DFL", iv("DFL"), "Defaults."),
        Method("DFL, recoded", own("RecodedTreatment", iv("DFL")), repeated, artefact_of="DFL"),
        Method("DeepIV-LOG", iv("DeepIV"), "Defaults: logistic treatment, exact integral."),
        Method(
            "DeepIV-LOG, softmax of one",
            Build("yinguo.bench.iv_artefacts:SoftmaxOfOneDeepIV"),
            repeated,
            artefact_of="DeepIV-LOG",
        ),
        Method(
            "DirectRep",
            iv("CBIV", **{**published, "two_stage": False, "balance_strength": 0.0}),
            "Published constants.",
        ),
        Method("two-stage, no balance", iv("CBIV", **{**ours, "balance_strength": 0.0}), "As CB-IV, no penalty."),
    )


def balanced_methods(
    strength: float, ending: str = "", cells: tuple[str, ...] | None = None, *, published: Mapping, ours: Mapping
) -> tuple[Method, ...]:
    """The rows with a penalty for balance: CFR, CB-IV as we train it, and CB-IV trained as published.

    Parameters
    ----------
    strength : float
        Of the penalty as published, against the outcome as the method scales it; ``ours`` may name another.
    ending : str
        Of the labels.
    cells : tuple of str, optional
        Where these rows belong; everywhere if left out.
    published, ours : mapping
        As in :func:`binary_methods`.
    """

    def row(label: str, options: Mapping[str, Any], chosen: str) -> Method:
        build = Build("yinguo.instruments:CBIV", {"balance_strength": strength, **options})
        return Method(f"{label}{ending}", build, chosen, cells)

    scaled = "the published strength, over the variance of the outcome if that is not 0 or 1."
    own = "so is the strength." if "balance_strength" in ours else scaled
    return (
        row("CFR", {**published, "two_stage": False}, f"Published constants; {scaled}"),
        row("CB-IV", ours, f"Our training, chosen on other draws (see cb-iv); {own}"),
        row("CB-IV, published steps", published, f"Second stage trained with the published constants; {scaled}"),
    )
