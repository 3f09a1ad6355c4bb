"""Files and folders are replaced as a whole, or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from amlsynth.foundation.errors import PlaceError, UsageError
from amlsynth.foundation.files import (
    check_place,
    replacing,
    replacing_folder,
    restore_folder,
    sha256,
    write_text,
)


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


def test_a_place_is_told_before_the_work_and_left_as_it_was(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "x")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    check_place(tmp_path / "file")
    check_place(tmp_path / "new" / "file")
    for folder in (tmp_path / "folder", tmp_path / "new" / "folder"):
        check_place(folder, folder=True)
    for place, is_folder, words in (
        ("folder", False, "this is a folder"),
        ("pipe", False, "this is a device"),
        ("file", True, "this is a file"),
        ("file/below", False, "cannot be written"),
        ("file/below", True, "cannot be written"),
        ("x" * 300, True, "cannot be written"),
    ):
        with pytest.raises(UsageError, match=words):
            check_place(tmp_path / place, folder=is_folder)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "pipe"]
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("writing", [replacing, replacing_folder])
def test_failure_leaves_no_new_folders(tmp_path: Path, writing) -> None:
    (tmp_path / "there").mkdir()
    for place in ("new/newer/out", "there/new/out"):
        with pytest.raises(RuntimeError), writing(tmp_path / place):
            raise RuntimeError
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]
    with pytest.raises(RuntimeError), writing(tmp_path / "new" / "out"):
        (tmp_path / "new" / "of another").touch()
        raise RuntimeError
    assert (tmp_path / "new" / "of another").exists()


def test_sha256(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "abc")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


class Killed(BaseException):
    """SIGKILL: no `finally` of the killed process runs."""


def leave(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Let nothing be tidied up after the rename number `at`, as when a process is killed."""
    plain, count = Path.rename, 0

    def rename(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count > at:
            raise Killed
        return plain(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr("amlsynth.foundation.files.shutil.rmtree", lambda *_, **__: None)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_folder_whose_writer_was_killed_is_whole_again(tmp_path: Path, renames: int) -> None:
    path = tmp_path / "release-1.0.0"
    with replacing_folder(path) as temporary:
        (temporary / "old").write_text("patients")
    number = dead_process()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("amlsynth.foundation.files.os.getpid", lambda: number)
        leave(patch, renames)
        with contextlib.suppress(Killed), replacing_folder(path) as temporary:
            (temporary / "new").write_text("patients")
    assert len(list(tmp_path.iterdir())) >= (1 if renames == 2 else 2)
    restore_folder(path)
    assert [file.name for file in path.iterdir()] == ["new" if renames == 2 else "old"]
    with replacing_folder(path) as temporary:
        (temporary / "newer").write_text("x")
    assert list(tmp_path.iterdir()) == [path]  # nothing of the killed one is left


def test_a_file_whose_writer_was_killed_leaves_no_patients(tmp_path: Path) -> None:
    path = tmp_path / "trial.parquet"
    number = dead_process()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("amlsynth.foundation.files.os.getpid", lambda: number)
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(Killed), replacing(path) as temporary:
            temporary.write_text("patients")
            raise Killed
    mine = tmp_path / ".trial.parquet.settings"
    mine.write_text("of the user")
    assert len(list(tmp_path.iterdir())) == 2 and not path.exists()
    write_text(path, "new")
    assert sorted(tmp_path.iterdir()) == [mine, path]


def test_two_processes_do_not_write_one_folder(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from amlsynth.foundation.files import replacing_folder\n"
        "with replacing_folder(Path(sys.argv[1])):\n    print('writing', flush=True); time.sleep(60)"
    )
    path = tmp_path / "release"
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline() == b"writing\n"
        with (
            pytest.raises(UsageError, match=f"process {process.pid}.* is writing it"),
            replacing_folder(path),
        ):
            pass
        assert len(list(tmp_path.iterdir())) == 1  # what the other one is writing stays
    finally:
        process.kill()
        process.communicate()
    with replacing_folder(path):
        pass
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(PlaceError, match=r"a.txt: cannot be written \(No space left"), replacing(path):
        raise OSError(28, "No space left on device")
    with pytest.raises(PermissionError), replacing(path):  # of another file
        raise PermissionError(13, "Permission denied", "elsewhere")
    assert list(tmp_path.iterdir()) == []
