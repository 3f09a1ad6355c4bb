"""Files and folders written beside their place and then renamed, so that none is ever left half-written.

What is being written is called `.NAME.amlsynth-HOST-PROCESS-XXXXXXXX` and lies in the folder of its place,
since a rename is whole only within a file system. A process that is killed leaves it behind, perhaps with
patients in it: the next write to the same place removes what a dead process left, and brings back a folder
that it had moved aside.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import itertools
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from amlsynth.foundation.errors import PlaceError, UsageError

# Errors that the user can help: no space, no permission, a read-only or failing disk.
PLACE_IS_BAD = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MARK = "amlsynth-"
_ASIDE = ".old"  # ends the name of a folder that was moved aside for the new one
_MOVED = re.compile(rf"\..+\.{_MARK}.*{re.escape(_ASIDE)}")
_FORGOTTEN = 7 * 24 * 3600  # seconds after which what another machine left is taken for dead


@contextmanager
def _folders_for(path: Path) -> Iterator[None]:
    """Make the folders that `path` lies in; on failure those that were made and are empty go again."""
    made = list(itertools.takewhile(lambda folder: not folder.exists(), path.parents))
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for folder in made:
                folder.rmdir()
        raise


def real_path(path: Path) -> Path:
    """Return a path without links; one of links that lead in a circle as it is, and nothing is there."""
    return Path(os.path.realpath(path))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` if the block succeeds.

    On any failure, an interrupt included, the temporary file is removed and `path` is as before.

    Raises
    ------
    UsageError
        `path` is a folder or a device, or its place is full or cannot be written.
    """
    path = Path(path)
    if f".{_MARK}{_host()}-{os.getpid()}-" in path.name:  # it is such a path already
        yield path
        return
    with contextlib.ExitStack() as place:
        with _named(path):
            if path.is_dir():
                raise UsageError(f"{path}: this is a folder; name a file to write.")
            if path.exists() and not path.is_file():
                raise UsageError(f"{path}: this is a device, which a file would replace; name another place.")
            place.enter_context(_folders_for(path))
            sweep(path)
            handle, name = tempfile.mkstemp(prefix=_prefix(path), suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        place.callback(temporary.unlink, missing_ok=True)
        with _named(path, temporary):
            yield temporary
            # mkstemp makes files that only the owner reads; give what open() would have given.
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path`; swap it in for `path` if the block succeeds.

    An older folder at `path` is kept until the new one is complete.

    Raises
    ------
    UsageError
        `path` is a file, its place is full or cannot be written, or another process is writing it.
    """
    path = Path(path)
    with contextlib.ExitStack() as place:
        with _named(path):
            _refuse_file(path)
            place.enter_context(_folders_for(path))
            restore_folder(path)
            sweep(path)
            temporary = Path(tempfile.mkdtemp(prefix=_prefix(path), dir=path.parent))
        place.callback(shutil.rmtree, temporary, ignore_errors=True)
        _refuse_second(path)
        with _named(path, temporary):
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            retired = temporary.with_name(temporary.name + _ASIDE)
            try:
                if path.exists():
                    path.rename(retired)
                temporary.rename(path)
            finally:
                if retired.exists() and not path.exists():  # interrupted between the two
                    retired.rename(path)
                shutil.rmtree(retired, ignore_errors=True)


def check_place(path: Path, *, folder: bool = False) -> None:
    """Raise now what writing a file, or into a folder, would raise after the work; nothing is left there.

    Raises
    ------
    UsageError
        As `replacing` and `replacing_folder`.
    """
    if folder:
        with _named(path):
            _refuse_file(path)
            if path.exists():
                tempfile.TemporaryFile(dir=path).close()
                return
    with contextlib.suppress(_TriedError), replacing(path):
        raise _TriedError


def _refuse_file(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path}: this is a file; name a folder to write.")


class _TriedError(Exception):
    """A place can be written."""


def restore_folder(path: Path) -> None:
    """Bring back a folder that `replacing_folder` had moved aside when its process was killed.

    Whoever reads a folder that was written so calls this first. Where nothing can be renamed, nothing is.
    """
    if path.exists():
        return
    aside = [left for left in _left_behind(path) if left.name.endswith(_ASIDE)]
    if aside:
        with contextlib.suppress(OSError):
            max(aside, key=lambda left: left.stat().st_mtime).rename(path)


def restore_all(folder: Path) -> None:
    """Bring back every folder in `folder` that a killed process had moved aside."""
    with contextlib.suppress(OSError):
        names = [left.name for left in folder.iterdir() if _MOVED.fullmatch(left.name)]
        for name in names:
            restore_folder(folder / name[1:].rpartition(f".{_MARK}")[0])


def sweep(path: Path) -> None:
    """Remove what killed processes left of `path`; what was moved aside only where `path` is there."""
    for left in _left_behind(path):
        if left.name.endswith(_ASIDE) and not path.exists():
            continue
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                left.unlink()


def _prefix(path: Path) -> str:
    return f".{path.name}.{_MARK}{_host()}-{os.getpid()}-"


@functools.cache
def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _siblings(path: Path) -> Iterator[tuple[Path, str, int]]:
    """Yield what is being written for `path`, or was, with the host and process that it was written by."""
    start = f".{path.name}.{_MARK}"
    try:
        names = [left.name for left in path.parent.iterdir()]
    except OSError:
        return
    for name in names:
        host, _, rest = name.removeprefix(start).partition("-")
        process = rest.partition("-")[0]
        if name.startswith(start) and process.isdecimal():
            yield path.with_name(name), host, int(process)


def _left_behind(path: Path) -> list[Path]:
    return [left for left, host, process in _siblings(path) if not _is_alive(left, host, process)]


def _is_alive(left: Path, host: str, process: int) -> bool:
    try:
        if host != _host() or sys.platform == "win32":  # where a process cannot be asked for
            return time.time() - left.stat().st_mtime < _FORGOTTEN
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _refuse_second(path: Path) -> None:
    """Refuse to write a folder that another living process is writing."""
    for left, host, process in _siblings(path):
        ours = (host, process) == (_host(), os.getpid())
        if not ours and _is_alive(left, host, process):
            raise UsageError(
                f"{path}: another amlsynth (process {process}) is writing it. Wait until it is done."
            )


@contextmanager
def _named(path: Path, written: Path | None = None) -> Iterator[None]:
    """Tell of a place that is full or cannot be written by its name, which the system often leaves out.

    Of a block that does other things as well, only errors of a full place and of what is `written` are meant.
    """
    try:
        yield
    except OSError as error:
        ours = written is None or str(error.filename or "").startswith(str(written))
        if not ours and error.errno not in _FULL:
            raise
        raise PlaceError(
            f"{path}: cannot be written ({error.strerror or error}); make room or choose another place."
        ) from error


def is_full(error: BaseException) -> bool:
    """Say whether an error is one of a place without room, which is nothing wrong with what is read."""
    return isinstance(error, OSError) and error.errno in _FULL


@contextmanager
def scratch_folder(prefix: str = "amlsynth-") -> Iterator[Path]:
    """Yield an empty folder for temporary files, gone when the block ends.

    Raises
    ------
    UsageError
        There is no room for them.
    """
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        try:
            yield Path(name)
        except OSError as error:
            if not is_full(error):
                raise
            raise PlaceError(
                f"{Path(name).parent}: there is no room for temporary files ({error.strerror or error}). "
                "Make room, or name another folder in TMPDIR."
            ) from error


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with LF line ends, atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits, reading it in blocks."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
