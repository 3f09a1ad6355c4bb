"""Files and folders are replaced as a whole, or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import replacing, replacing_folder, sha256, write_text


def test_text_is_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "a.txt", "é\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "é\n".encode()
    assert oct((tmp_path / "new" / "a.txt").stat().st_mode & 0o444) == "0o444"


def test_failure_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_failure_keeps_the_old_folder(tmp_path: Path) -> None:
    path = tmp_path / "release"
    for text in ("old", "new"):
        with replacing_folder(path) as temporary:
            (temporary / text).write_text(text)
    assert [file.name for file in path.iterdir()] == ["new"]
    with pytest.raises(RuntimeError), replacing_folder(path) as temporary:
        (temporary / "half").write_text("half")
        raise RuntimeError
    assert [file.name for file in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


def test_folders_and_files_are_not_mixed_up(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "x")
    with pytest.raises(UsageError, match="this is a folder"), replacing(tmp_path):
        pass
    with pytest.raises(UsageError, match="this is a file"), replacing_folder(tmp_path / "file"):
        pass
    with pytest.raises(UsageError, match="cannot be written"), replacing(tmp_path / "file" / "below"):
        pass


def test_sha256(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "abc")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
