"""How commands end: every exit code, and nothing but a line on standard error."""

import logging
import os
import sys

import pytest

import yinguo as yg


def raising(error):  # stands in for functions and methods alike
    def fit(*arguments, **options):
        raise error

    return fit


CONVERGENCE = yg.ConvergenceError("the solver stopped after 10 steps; raise max_steps.")
OVERLAP = yg.OverlapError("nobody is comparable.")


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ({"IPW": CONVERGENCE}, 3),
        ({"IPW": CONVERGENCE, "AIPW": CONVERGENCE}, 3),
        ({"IPW": CONVERGENCE, "AIPW": OVERLAP}, 2),
        ({"IPW": OVERLAP}, 2),
        ({"IPW": KeyError("a slip of ours")}, 1),
        ({"IPW": KeyError("a slip of ours"), "AIPW": OVERLAP}, 2),
    ],
)
def test_without_any_number_the_exit_code_says_what_kept_the_methods_from_one(
    yinguo, table, roles, monkeypatch, errors, code
):
    for name, error in errors.items():
        monkeypatch.setattr(getattr(yg, name), "fit", raising(error))
    methods = ",".join(name.lower() for name in errors)
    ran = yinguo("estimate", table, *roles, "--methods", methods)
    assert ran.code == code
    assert "no method gave an estimate" in ran.err
    assert str(next(iter(errors.values())).args[0]) in ran.err + ran.out
    # One number is enough for a good end.
    assert yinguo("estimate", table, *roles, "--methods", f"{methods},difference").code == 0


def test_a_fault_of_ours_is_a_short_message_and_the_trace_is_for_debug(yinguo, table, roles, monkeypatch, capsys):
    from yinguo.cli import main

    monkeypatch.setattr("yinguo.cli.estimate.compare", raising(ZeroDivisionError("division by zero")))
    ran = yinguo("estimate", table, *roles)
    assert ran.code == 1
    assert "ZeroDivisionError: division by zero" in ran.err
    assert "--debug" in ran.err
    assert "report" in ran.err
    assert main(["estimate", str(table), *roles, "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_method_that_breaks_unexpectedly_is_a_row_and_its_trace_stays_in_the_log(yinguo, table, roles, monkeypatch):
    monkeypatch.setattr(yg.IPW, "fit", raising(TypeError("not an array")))
    ran = yinguo("estimate", table, *roles, "--methods", "ipw,difference")
    assert (ran.code, ran.err) == (0, "")
    assert "no estimate: not an array" in ran.out


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("Query interrupted")])
def test_an_interrupt_ends_with_130(yinguo, table, roles, monkeypatch, error):
    monkeypatch.setattr("yinguo.cli.estimate.compare", raising(error))
    assert yinguo("estimate", table, *roles).code == 130


def test_too_little_memory_is_said_with_a_remedy(yinguo, table, roles, monkeypatch):
    monkeypatch.setattr("yinguo.cli.estimate.read_study", raising(MemoryError()))
    ran = yinguo("estimate", table, *roles)
    assert ran.code == 2
    assert "memory" in ran.err


def test_no_arguments_show_the_help(yinguo):
    ran = yinguo()
    assert ran.code == 0
    for command in ("estimate", "methods", "datasets", "bench"):
        assert f"\n  {command} " in ran.out


def test_version_is_that_of_the_package(yinguo):
    assert yinguo("--version").out == f"yinguo {yg.__version__}\n"


def test_the_library_log_is_silent_without_debug(yinguo, table, roles):
    assert yinguo("estimate", table, *roles).err == ""
    assert isinstance(logging.getLogger("yinguo").handlers[0], logging.NullHandler)


def test_a_report_without_its_extra_names_the_extra_before_the_work(yinguo, table, roles, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.setattr("yinguo.cli.estimate.read_study", raising(AssertionError("the file was read")))
    ran = yinguo("estimate", table, *roles, "--report", "report.html")
    assert ran.code == 2
    assert "jinja2 is not installed; run: pip install 'yinguo[report]'" in ran.err


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder in which nobody can create a file")
def test_a_file_that_cannot_be_written_after_all_is_named(yinguo, table, roles):
    ran = yinguo("estimate", table, *roles, "--methods", "difference", "--out", "/proc/self/answer.json")
    assert ran.code == 2
    assert "answer.json" in ran.err
    assert "check the path" in ran.err or "permissions" in ran.err
