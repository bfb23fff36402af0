"""Public data sets that do not come inside the package: found in the folder that ``YINGUO_DATA`` names.

Some sets are too large to ship, or their publishers state no terms that would allow it. A loader of such a set asks
:func:`shared_file` for its file and gets either a path or an error that says where to get the data.
"""

import os
from pathlib import Path
from typing import NamedTuple

from yinguo.errors import DataError

__all__ = ["SETS", "SharedSet", "shared_file"]

VARIABLE = "YINGUO_DATA"


class SharedSet(NamedTuple):
    """What a data set is and where its publishers offer it."""

    about: str
    source: str


#: Sets that loaders of the package ask for, by the name of their folder.
SETS = {
    "acic2016": SharedSet(
        "challenge of the Atlantic Causal Inference Conference 2016, 58 real covariates and simulated outcomes "
        "(Dorie, Hill, Shalit, Scott & Cervone 2019)",
        "the repository BiomedSciAI/causallib (causallib/datasets/data/acic_challenge_2016) on GitHub",
    ),
    "hillstrom_email": SharedSet(
        "randomised e-mail campaign of a shop, 64,000 customers (Hillstrom 2008)",
        "the MineThatData E-Mail Analytics And Data Mining Challenge of K. Hillstrom, 20 March 2008, and copies of its "
        "file hillstrom.csv on GitHub",
    ),
    "ihdp": SharedSet(
        "Infant Health and Development Program, semi-synthetic (Hill 2011), realisations of the response surface",
        "the repositories claudiashi57/dragonnet (dat/ihdp/csv), AMLab-Amsterdam/CEVAE (datasets/IHDP) and "
        "WeijiaZhang24/TEDVAE (IHDP, IHDP_b) on GitHub",
    ),
    "jobs": SharedSet(
        "job training in the experiment and a survey, outcome employment (LaLonde 1986; Shalit, Johansson & Sontag "
        "2017)",
        "the repositories dmachlanski/iads-summer-school-causality-2023 (labs/data) and "
        "VectorInstitute/Causal_Inference_Laboratory (data/Jobs) on GitHub",
    ),
    "twins": SharedSet(
        "twin births in the USA 1989-1991, both outcomes known (Almond, Chay & Lee 2005)",
        "the repositories AMLab-Amsterdam/CEVAE (datasets/TWINS), jsyoon0823/GANITE (data), bradyneal/realcause "
        "(datasets) and inovex/justcause-data (twins) on GitHub",
    ),
}


def shared_file(set_name: str, file_name: str) -> Path:
    """Path of a file of a data set under the folder that the environment variable ``YINGUO_DATA`` names.

    Parameters
    ----------
    set_name : str
        Folder of the set, a key of :data:`SETS`.
    file_name : str

    Returns
    -------
    Path
        Of a file that is there.

    Raises
    ------
    DataError
        The variable is not set, or the file is not there: says what the set is, who publishes it and what to do.
    """
    found = SETS[set_name]
    folder = os.environ.get(VARIABLE, "")
    if folder:
        path = Path(folder).expanduser() / set_name / file_name
        if path.is_file():
            return path
        missing = f"{path} is not there"
    else:
        missing = f"the environment variable {VARIABLE} is not set"
    raise DataError(
        f"{set_name} ({found.about}) does not come with yinguo, and {missing}. Its publishers offer it at: "
        f"{found.source}. Put the file at FOLDER/{set_name}/{file_name} and set {VARIABLE}=FOLDER."
    )
