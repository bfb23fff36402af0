"""What the README shows is run."""

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_python_of_the_readme_runs_and_leaves_a_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.S)
    assert blocks
    shown = []
    for block in blocks:
        exec(compile(block, str(README), "exec"), {"print": shown.append})
    assert any("entropy-balancing" in str(text) for text in shown)
    assert "<html" in (tmp_path / "report.html").read_text()


def test_every_file_the_readme_points_to_exists():
    targets = re.findall(r"\]\(([^)#]+)\)", README.read_text())
    assert targets
    for target in targets:
        assert target.startswith("http") or (README.parent / target).exists(), target
