"""What a command may end with: exit codes, one line on standard error, a reader that went away.

Messages of the library speak of Python arguments; here they are put in terms of the options of the command line.
"""

import logging
import os
import re
import sys

__all__ = [
    "FINE",
    "INTERRUPTED",
    "NO_CONVERGENCE",
    "NO_READER",
    "OUR_FAULT",
    "YOUR_DATA",
    "as_options",
    "no_reader",
    "say",
    "speak_plainly",
]

FINE, OUR_FAULT, YOUR_DATA, NO_CONVERGENCE = 0, 1, 2, 3
#: 128 + the number of the signal, as shells report it.
INTERRUPTED, NO_READER = 130, 141

#: Python arguments in messages of the library, and the options that stand for them.
_OPTIONS = (
    (r"\bmissing='(\w+)'", r"--missing \1"),
    (r"[Pp]ass treated= to the Study", "pass --treated VALUE"),
    (r"\b(selection|shadow|time)=(?=[\s.;,]|$)", r"--\1"),
    (r"\btreated=(?=[\s.;,]|$)", "--treated VALUE"),
    (r"\btreated=(?=\S)", "--treated "),
    (r"\bpass overwrite=True\b", "add --force"),
)


def as_options(message: str) -> str:
    """A message of the library in terms of command-line options.

    >>> as_options("'x' has gaps; pass missing='drop'.")
    "'x' has gaps; pass --missing drop."
    """
    for pattern, option in _OPTIONS:
        message = re.sub(pattern, option, message)
    return message


def say(message: str) -> None:
    """One line on standard error."""
    try:
        print(f"yinguo: {message}", file=sys.stderr, flush=True)
    except BrokenPipeError:
        no_reader()


def no_reader() -> int:
    """Whoever read our output is gone; keep the interpreter from complaining when it closes the pipes."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
    return NO_READER


def speak_plainly(debug: bool) -> None:
    """Names that the terminal cannot show must not stop the output; the library's log is for --debug."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    logging.captureWarnings(True)
    for name in ("yinguo", "py.warnings"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.StreamHandler() if debug else logging.NullHandler()]
        logger.setLevel(logging.DEBUG if debug else logging.WARNING)
        logger.propagate = False
