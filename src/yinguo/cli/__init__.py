"""The command line: read a table and its roles, run methods, say what came out. No statistics live here."""

from collections.abc import Sequence

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    args : sequence of str, optional
        Arguments after the program's name; None takes them from ``sys.argv``.

    Returns
    -------
    int
        0 fine; 1 a fault of ours; 2 the data, a file or an option; 3 no convergence; 130 interrupted;
        141 the reader of the output went away.
    """
    from yinguo.cli.run import run

    return run(args)
