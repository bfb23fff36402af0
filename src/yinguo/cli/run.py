"""One command from its arguments to an exit code, whatever happens on the way.

What goes wrong is said in one line; a traceback is for ``--debug`` only.
"""

import gc
import logging
import sys
from collections.abc import Sequence

from yinguo.cli.exits import (
    FINE,
    INTERRUPTED,
    NO_CONVERGENCE,
    OUR_FAULT,
    YOUR_DATA,
    as_options,
    no_reader,
    say,
    speak_plainly,
)
from yinguo.errors import ConvergenceError, YinguoError

__all__ = ["run"]


def run(args: Sequence[str] | None = None) -> int:
    """Parse, run one command, and turn whatever happens into an exit code."""
    args = list(sys.argv[1:] if args is None else args)
    debug = "--debug" in args
    speak_plainly(debug)
    try:
        from yinguo.cli.app import app

        code = app(args, prog_name="yinguo", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else FINE
    except SystemExit as stop:  # the parser's way out when whoever read our output went away
        if isinstance(stop.__context__, BrokenPipeError):
            return no_reader()
        return stop.code if isinstance(stop.code, int) else OUR_FAULT
    except BrokenPipeError:
        return no_reader()
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            logging.getLogger("yinguo.cli").error("the trace of what went wrong:", exc_info=error)
        code, message = _verdict(error)
        say(message)
        return code
    finally:
        _forget_types()


def _forget_types() -> None:
    """Empty the caches in which narwhals keeps DuckDB's types.

    With PyTorch loaded they outlive DuckDB at the end of the process, and DuckDB's binding then prints a page of
    warnings about leaks.
    """
    if "torch" not in sys.modules:
        return
    for module in [m for name, m in sys.modules.items() if name.startswith("narwhals")]:
        for item in list(vars(module).values()):
            if callable(getattr(item, "cache_clear", None)):
                item.cache_clear()
    gc.collect()


def _verdict(error: BaseException) -> tuple[int, str]:
    """Exit code and message of an exception."""
    # DuckDB turns Ctrl-C into an error of its own while it reads a file.
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort" or str(error) == "Query interrupted":
        return INTERRUPTED, "interrupted."
    if isinstance(error, ConvergenceError):
        return NO_CONVERGENCE, as_options(str(error))
    if isinstance(error, YinguoError):
        return YOUR_DATA, as_options(str(error))
    if hasattr(error, "format_message"):  # the parser's usage errors, whichever click it carries
        return YOUR_DATA, f"{error.format_message().strip().rstrip('.')}. See yinguo --help, or yinguo COMMAND --help."
    if isinstance(error, OSError) and error.errno is not None:
        what = f"{error.filename or 'the output'}: {(error.strerror or str(error)).lower()}"
        return YOUR_DATA, f"{what}; check the path, its permissions and the space on the disk."
    if isinstance(error, MemoryError):
        return YOUR_DATA, "the memory of this machine is not enough; name fewer --methods or --covariates."
    kind = f"{type(error).__name__}: {str(error).strip() or 'no message'}".splitlines()[0]
    return (
        OUR_FAULT,
        f"something in yinguo went wrong, not in your data ({kind}). Run it again with --debug and {_report()}",
    )


def _report() -> str:
    """Where faults are reported, from the metadata of the package."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        urls = dict(line.split(", ", 1) for line in metadata("yinguo").get_all("Project-URL") or ())
    except PackageNotFoundError:
        urls = {}
    where = next((url for label, url in urls.items() if label.lower() in ("issues", "bug tracker", "tracker")), None)
    return f"report the trace{f' at {where}' if where else ' to the project'}."
