"""Files of data sets that do not come with the package: found, or an error that tells everything."""

import pytest

import yinguo as yg
from yinguo.core.shared_data import SETS, shared_file


def test_a_file_under_the_folder_is_found(tmp_path, monkeypatch):
    (tmp_path / "ihdp").mkdir()
    (tmp_path / "ihdp" / "rows.npz").write_bytes(b"")
    monkeypatch.setenv("YINGUO_DATA", str(tmp_path))
    assert shared_file("ihdp", "rows.npz") == tmp_path / "ihdp" / "rows.npz"


@pytest.mark.parametrize("name", SETS)
def test_without_it_the_error_says_what_it_is_where_it_is_and_what_to_do(name, tmp_path, monkeypatch):
    monkeypatch.delenv("YINGUO_DATA", raising=False)
    with pytest.raises(yg.DataError, match="YINGUO_DATA is not set") as unset:
        shared_file(name, "rows.npz")
    monkeypatch.setenv("YINGUO_DATA", str(tmp_path))
    with pytest.raises(yg.DataError, match="is not there") as absent:
        shared_file(name, "rows.npz")
    for error in (unset, absent):
        assert SETS[name].about in str(error.value)
        assert SETS[name].source in str(error.value)
        assert f"FOLDER/{name}/rows.npz" in str(error.value)
