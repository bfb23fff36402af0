"""The program as a process: what it costs to start, pipes, signals, terminals."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

PROGRAM = [sys.executable, "-c", "import sys; from yinguo.cli import main; sys.exit(main())"]


def start(*arguments, **options):
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def finish(process):
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out, err


def test_help_is_quick_because_nothing_heavy_is_imported():
    look = (
        "import sys, time; start = time.process_time(); from yinguo.cli import main; code = main(['--help']);"
        "heavy = [m for m in ('numpy', 'scipy', 'duckdb', 'pyarrow', 'sklearn', 'matplotlib', 'torch', 'joblib') "
        "if m in sys.modules]; print(code, heavy, time.process_time() - start, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    code, heavy, seconds = done.stderr.split(" ")
    assert (code, heavy) == ("0", "[]")
    assert float(seconds) < 0.5
    assert "estimate" in done.stdout


def test_the_program_answers_with_json_and_its_exit_code(table, roles):
    code, out, err = finish(start("estimate", table, *roles, "--methods", "difference", "--format", "json"))
    assert (code, err) == (0, "")
    assert json.loads(out)["results"][0]["method"] == "difference"


def test_bad_input_is_one_line_and_exit_code_2(table):
    code, out, err = finish(start("estimate", table, "--treatment", "dose", "--outcome", "y"))
    assert (code, out) == (2, "")
    assert err == "yinguo: treatment column 'dose' is not in the table; it has t, y, a, b.\n"


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
@pytest.mark.parametrize("arguments", [["--help"], ["methods"], ["methods", "--format", "json"]])
def test_a_reader_that_goes_away_is_no_error_to_talk_about(arguments):
    process = start(*arguments)
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == ""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_ends_with_130_and_no_trace_from_any_process(table, roles, jobs, tmp_path):
    # Fits that sleep, so that the interrupt meets them at work; a function of __main__ reaches the workers too.
    # Each leaves a mark when it begins: an interrupt during the imports before would be another test.
    marks = tmp_path / "marks"
    marks.mkdir()
    slow = (
        "import os, pathlib, sys, time, yinguo.core.compare as module; from yinguo.cli import main\n"
        f"def sleep(*_):\n    pathlib.Path({str(marks)!r}, str(os.getpid())).touch()\n    time.sleep(60)\n"
        "module._fit_one = sleep\nsys.exit(main())"
    )
    arguments = ["estimate", table, *roles, "--methods", "ipw,aipw", "--jobs", jobs, "--progress"]
    process = subprocess.Popen(
        [sys.executable, "-c", slow, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # A suite started in the background ignores the signal, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    line = process.stderr.readline() + process.stderr.readline()
    assert "80 rows" in line
    began = time.monotonic()
    while len(list(marks.iterdir())) < jobs and time.monotonic() < began + 120:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    code, out, err = finish(process)
    assert (code, out) == (130, "")
    assert "KeyboardInterrupt" not in err


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_on_a_terminal_there_is_a_bar_on_stderr_and_only_the_answer_on_stdout(table, roles):
    main, side = os.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "estimate", str(table), *roles, "--methods", "difference,ipw", "--format", "json"],
        stdout=subprocess.PIPE, stderr=side, text=True, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(side)
    out, _ = process.communicate(timeout=60)
    shown = b""
    try:
        while piece := os.read(main, 65536):
            shown += piece
    except OSError:  # the other side is closed
        pass
    os.close(main)
    assert process.returncode == 0
    assert len(json.loads(out)["results"]) == 2
    assert "reading" in shown.decode()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs the resource usage of a child")
def test_a_million_rows_of_parquet_stay_under_two_gigabytes_and_show_progress(tmp_path):
    n = 1_000_000
    rng = np.random.default_rng(0)
    X = {f"x{j}": rng.normal(size=n) for j in range(20)}
    T = (rng.random(n) < 1 / (1 + np.exp(-X["x0"]))).astype(np.int64)
    parquet.write_table(
        pa.table({"t": T, "y": X["x0"] + X["x1"] + 2 * T + rng.normal(size=n), **X}), tmp_path / "big.parquet"
    )
    with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
        asked = ["estimate", "big.parquet", "--treatment", "t", "--outcome", "y", "--format", "json", "--progress"]
        process = subprocess.Popen([*PROGRAM, *asked], stdout=out, stderr=err, cwd=tmp_path)
        _, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    assert kilobytes < 2 * 1024 * 1024
    results = json.loads((tmp_path / "out").read_text())["results"]
    assert [row["method"] for row in results if row["error"]] == []
    adjusted = [row["estimate"] for row in results if row["method"] != "difference"]
    assert adjusted == pytest.approx([2.0] * len(adjusted), abs=0.02)
    told = (tmp_path / "err").read_text()
    assert "reading" in told
    assert f"{len(results)}/{len(results)}" in told
