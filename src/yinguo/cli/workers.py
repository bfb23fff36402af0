"""Worker processes that say nothing of their own: no warnings, no log, no trace when the user presses Ctrl-C."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import joblib

from yinguo.cli.exits import speak_plainly

__all__ = ["quiet_workers"]


@contextmanager
def quiet_workers(jobs: int, *, debug: bool = False, **config: Any) -> Generator[None, None, None]:
    """Start the processes that joblib will use inside this block.

    Parameters
    ----------
    jobs : int
        As joblib counts; 1 starts nothing.
    debug : bool
        Let the workers speak.
    **config
        Further settings of ``joblib.parallel_config``; a pool is shared only by those who ask for it with
        the same ones.
    """
    if jobs == 1:
        yield
        return
    with joblib.parallel_config(backend="loky", initializer=speak_plainly, initargs=(debug,), **config):
        _start(jobs)
        yield


def _start(jobs: int) -> None:
    # A program inherits that a signal is ignored. The terminal sends Ctrl-C to every process, and a worker
    # that heard it would print a trace; this process hears it and stops the workers.
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        joblib.Parallel(n_jobs=jobs)(joblib.delayed(abs)(k) for k in range(joblib.effective_n_jobs(jobs)))
    finally:
        signal.signal(signal.SIGINT, before)
