"""The command line run in this process, in a folder of its own, and tables to run it on."""

import logging
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cli_tables import columns, write

from yinguo.cli import main


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def yinguo(capsys, monkeypatch, tmp_path):
    """Call it like the program; what it did to logging is undone afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    loggers = [logging.getLogger(name) for name in ("yinguo", "py.warnings")]
    before = [(x.handlers, x.level, x.propagate) for x in loggers]
    show = warnings.showwarning

    def call(*args) -> Ran:
        code = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Ran(code, captured.out, captured.err)

    yield call
    logging.captureWarnings(False)
    warnings.showwarning = show
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers, logger.level, logger.propagate = handlers, level, propagate


@pytest.fixture
def table(tmp_path):
    """A clean CSV of t, y, a, b."""
    return write(tmp_path / "table.csv", {k: v for k, v in columns().items() if k in "tyab"})


@pytest.fixture
def roles():
    return ("--treatment", "t", "--outcome", "y")
