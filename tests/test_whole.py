"""Files and folders that are whole or absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from curator import whole


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    whole.write(tmp_path / "file", b"old")
    whole.write(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_folder_whose_writing_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    with whole.folder(tmp_path / "place") as unfinished:
        (unfinished / "file").write_text("old")
    with pytest.raises(ValueError, match="in the midst"), whole.folder(tmp_path / "place") as unfinished:
        (unfinished / "file").write_text("new")
        raise ValueError("in the midst")
    assert (tmp_path / "place" / "file").read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["place"]


def test_a_folder_that_must_not_be_replaced_is_kept(tmp_path: Path) -> None:
    with whole.folder(tmp_path / "place") as unfinished:
        (unfinished / "file").write_text("old")
    with pytest.raises(OSError, match="not empty"), whole.folder(tmp_path / "place", replaces=False):
        pass
    assert (tmp_path / "place" / "file").read_text() == "old"


def test_what_a_killed_writer_left_is_put_back_and_tidied_up(tmp_path: Path) -> None:
    """Killed between the two renames of a change, with a further try begun."""
    (tmp_path / "place.earlier").mkdir()
    (tmp_path / ".place.0123abcd.unfinished").mkdir()
    assert whole.exists(tmp_path / "place")
    whole.recover(tmp_path / "place")
    assert [each.name for each in tmp_path.iterdir()] == ["place"]
