"""Importing transformers and peft, where something stands in the way."""

import subprocess
import sys

import pytest

pytest.importorskip("transformers")
pytest.importorskip("peft")


@pytest.mark.slow
def test_a_bare_folder_called_datasets_is_not_taken_for_the_library(tmp_path):
    (tmp_path / "datasets").mkdir()
    said = (
        "import sys; from yinguo.language.hub import transformers; "
        "assert not transformers.utils.is_datasets_available(); from transformers import Trainer; "
        "import datasets; assert datasets.__file__ is None"
    )
    done = subprocess.run([sys.executable, "-c", said], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
