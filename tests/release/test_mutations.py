"""Thousands of mutated releases: verify and load refuse all that differ; none crashes or writes elsewhere.

The normal suite tries a hundred; `make fuzz` tries 10,000. A failure names the mutation and its seed.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import stat
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from amlsynth.foundation.errors import AmlsynthError, DataError
from amlsynth.loading import load
from amlsynth.release import ReleaseResult, verify_release
from amlsynth.release.archive import method_of

COUNT = int(os.environ.get("AMLSYNTH_FUZZ", "100"))
FIRST = int(os.environ.get("AMLSYNTH_FUZZ_FIRST", "0"))
OUTSIDE = [
    "../outside",
    "../../outside",
    "/tmp/outside-amlsynth",
    "data/../../outside",
    "..\\outside",
    "C:\\x",
]
BOMB = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) or 'lol'}]" for n in range(1, 9)).replace(
    "*a0", "lol"
)  # fmt: skip
HOSTILE_JSON = [
    b"", b"null", b"[]", b"{", b"\xff\xfe\x00", b"NaN", b"1e999", b"-" * 1000, b'"\\ud800"',
    b"[" * 100_000, b'{"a":' * 50_000, b'{"name": ' + b"9" * 100_000 + b"}", b'{"a": 1, "a": 2}',
    b'{"version": 1e400, "name": NaN}', b"\xef\xbb\xbf{}", b'{"\\u0000": "\\u0000"}',
]  # fmt: skip
HOSTILE_YAML = [
    BOMB.encode(), b"!!python/object/apply:os.system [touch outside]", b"a: " + b"[" * 5_000, b"\xff\xfe",
    b"? " * 3_000, b"a: &a [*a]", b"%YAML 9.9\n---\n", b"a: 1\na: 2\n", b"\x00", b"--- |\n" * 500,
]  # fmt: skip


@dataclass
class Target:
    """The release to mutate: its files, its zip, and a random generator that decides."""

    files: dict[str, bytes]
    archive: bytes
    stem: str
    rng: random.Random
    folder: Path
    resealed: bool = False

    def name(self, *without: str) -> str:
        return self.rng.choice(sorted(set(self.files) - set(without)))

    def change(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)

    def reseal(self) -> None:
        """Write SHA256SUMS again, as somebody would who changes a release on purpose."""
        lines = []
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_file() and name != "SHA256SUMS":
                lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n")
        self.change("SHA256SUMS", "".join(sorted(lines, key=lambda line: line[66:])).encode())
        self.resealed = True


def damaged(rng: random.Random, content: bytes) -> bytes:
    """Flip, cut, extend, overwrite or repeat a part of some bytes."""
    at = rng.randrange(len(content)) if content else 0
    some = rng.randbytes(rng.randint(1, 40))
    return rng.choice(
        [
            lambda: content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :],
            lambda: content[:at],
            lambda: content + some,
            lambda: some + content,
            lambda: content[:at] + some + content[at + len(some) :],
            lambda: content[:at] + content[at : at + 50] + content[at:],
            lambda: content[: at - at % 512] + b"\0" * 512 + content[at - at % 512 + 512 :],
            lambda: b"",
        ]
    )()


def bytes_of_a_file(t: Target) -> None:
    name = t.name()
    t.change(name, damaged(t.rng, t.files[name]))


def two_files_swapped(t: Target) -> None:
    first, second = t.rng.sample(sorted(t.files), 2)
    t.change(first, t.files[second])
    t.change(second, t.files[first])


def a_file_gone_or_more(t: Target) -> None:
    extra = t.rng.choice(
        [".hidden", "data/x.csv", "new/deep/er/file", "Ünïcode", "a b", "CON", "x" * 200, "README.MD"]
    )
    if t.rng.random() < 0.5:
        (t.folder / t.name()).unlink()
    else:
        (t.folder / extra).parent.mkdir(parents=True, exist_ok=True)
        t.change(extra, t.rng.randbytes(9))


def a_link(t: Target) -> None:
    kind = t.rng.randrange(4)
    if kind == 0:
        shutil.move(t.folder / "data", t.folder.parent / "moved")
        (t.folder / "data").symlink_to(t.folder.parent / "moved", target_is_directory=True)
        return
    path = t.folder / t.name()
    kept = t.folder.parent / "moved"
    shutil.move(path, kept)
    if kind == 3:
        os.mkfifo(path)
    else:
        path.symlink_to(
            kept if kind == 1 else t.rng.choice(["/etc/hostname", ".", path.name, "nowhere", "/dev/zero"])
        )


def the_checksums(t: Target) -> None:
    lines = t.files["SHA256SUMS"].decode().splitlines()
    at = t.rng.randrange(len(lines))
    digest = hashlib.sha256(b"outside").hexdigest()
    (t.folder.parent / "outside").write_bytes(b"outside")
    change: Callable[[], list[str] | bytes] = t.rng.choice(
        [
            lambda: [*lines, f"{digest}  {t.rng.choice(OUTSIDE)}"],
            lambda: [*lines[:at], lines[at].upper(), *lines[at + 1 :]],
            lambda: [*lines[: at + 1], *lines[at:]],
            lambda: [*lines[:at], *lines[at + 1 :]],
            lambda: [*lines[:at], lines[at].replace("  ", " *"), *lines[at + 1 :]],
            lambda: list(reversed(lines)),
            ("\r\n".join(lines) + "\r\n").encode,
            lambda: b"\xef\xbb\xbf" + t.files["SHA256SUMS"],
            lambda: t.files["SHA256SUMS"] + b"\0" * t.rng.randint(1, 9),
            lambda: t.files["SHA256SUMS"][:-1],
            lambda: b"#" * t.rng.choice([1, 2_000_000]),
            lambda: damaged(t.rng, t.files["SHA256SUMS"]),
        ]
    )
    made = change()
    t.change("SHA256SUMS", made if isinstance(made, bytes) else ("\n".join(made) + "\n").encode())


def hostile_records(t: Target) -> None:
    names = ["datapackage.json", "provenance.json", "evaluation.json", "gates.json", "CITATION.cff"]
    name = t.rng.choice(names)
    t.change(name, t.rng.choice(HOSTILE_YAML if name.endswith("cff") else HOSTILE_JSON))
    t.reseal()


def a_record_edited(t: Target) -> None:
    """Change one value anywhere in datapackage.json, and make the checksums fit."""
    content = json.loads(t.files["datapackage.json"])
    values: list[Any] = [
        None, 1e308, -1, 10**400, True, "", "../../etc/passwd", "/etc/passwd", "https://example.org/x", [],
        {}, "\u202e", "x" * 100_000, {"$ref": "file:///etc/passwd"},
    ]  # fmt: skip
    node: Any = content
    while True:
        key = t.rng.choice(sorted(node)) if isinstance(node, dict) else t.rng.randrange(len(node))
        if not (isinstance(node[key], (dict, list)) and node[key]) or t.rng.random() < 0.15:
            break
        node = node[key]
    if isinstance(node, dict) and t.rng.random() < 0.2:
        node["more"] = t.rng.choice(values)
    else:
        node[key] = t.rng.choice([value for value in values if value != node[key]])
    t.change("datapackage.json", json.dumps(content).encode())
    t.reseal()


def resealed_data(t: Target) -> None:
    """Damage the data, and make SHA256SUMS fit."""
    name = t.rng.choice([name for name in t.files if name.startswith("data/")])
    t.change(name, damaged(t.rng, t.files[name]))
    t.reseal()


def bytes_of_the_zip(t: Target) -> bytes:
    return damaged(t.rng, t.archive)


def headers_of_the_zip(t: Target) -> bytes:
    """Overwrite fields of a local header or of the directory: lengths, offsets, flags, methods, names."""
    content = bytearray(t.archive)
    signature = t.rng.choice([b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"])
    places = [at for at in range(len(content) - 4) if content[at : at + 4] == signature]
    at = t.rng.choice(places) + t.rng.randint(4, 45)
    for offset in range(at, min(at + t.rng.randint(1, 4), len(content))):
        content[offset] = t.rng.choice([0, 1, 0xFF, 0x7F, content[offset] ^ 8])
    return bytes(content)


def entries_of_the_zip(t: Target) -> bytes:
    """Pack the release again with an entry that does not belong, or in another way."""
    path = t.folder.parent / "packed.zip"
    kind = t.rng.randrange(8)
    top = "other-1.0.0" if kind == 1 else t.stem
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in sorted(t.files, reverse=kind == 2):
            method = zipfile.ZIP_STORED if kind == 0 else method_of(name)
            packed.writestr(zipfile.ZipInfo(f"{top}/{name}", (1999, 1, 1, 0, 0, 0)), t.files[name], method)
        if kind == 3:
            packed.writestr(f"{top}/{t.rng.choice(OUTSIDE)}", b"outside")
        elif kind == 4:
            link = zipfile.ZipInfo(f"{top}/link")
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            packed.writestr(link, "/etc/passwd")
        elif kind == 5:
            twice = zipfile.ZipInfo(f"{top}/x")
            packed.writestr(twice, b"1")
            twice.filename = f"{top}/{t.rng.choice(['x', 'X', 'README.md', 'x/'])}"
            packed.filelist.append(twice)
        elif kind == 6:
            packed.comment = t.rng.randbytes(20)
    return path.read_bytes()


def a_bomb(t: Target) -> bytes:
    """A zip whose one entry claims, or expands to, gigabytes."""
    path = t.folder.parent / "bomb.zip"
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    small = packer.compress(b"\0" * 2_000_000) + packer.flush()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for name in sorted(t.files):
            packed.writestr(f"{t.stem}/{name}", t.files[name], method_of(name))
        info = zipfile.ZipInfo(f"{t.stem}/bomb")
        packed.writestr(info, small)
        info.compress_type = t.rng.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, 99])
        info.file_size = t.rng.choice([2_000_000, 4_000_000_000, len(small) + 1])
        if t.rng.random() < 0.5:  # all entries over the same bytes
            for other in packed.filelist:
                other.header_offset = packed.filelist[0].header_offset
    return path.read_bytes()


FOLDERS = [
    bytes_of_a_file, bytes_of_a_file, two_files_swapped, a_file_gone_or_more, a_link, the_checksums,
    hostile_records, a_record_edited, resealed_data,
]  # fmt: skip
ZIPS = [bytes_of_the_zip, bytes_of_the_zip, headers_of_the_zip, entries_of_the_zip, a_bomb]


@pytest.mark.usefixtures("checked_once")
def test_mutated_releases_are_refused(
    built: ReleaseResult,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    if COUNT <= 1_000:  # what it remembers of each content grows
        request.getfixturevalue("checked_once")
    scratch, cache = tmp_path / "scratch", tmp_path / "cache"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    files = {
        path.relative_to(built.folder).as_posix(): path.read_bytes()
        for path in built.folder.rglob("*")
        if path.is_file()
    }
    archive = built.archive.read_bytes()
    pristine = load(built.folder, cache=cache)  # so that a marker says that this content is right
    digest = hashlib.sha256(archive).hexdigest()
    counts: Counter[str] = Counter()
    began = time.perf_counter()
    for seed in range(FIRST, FIRST + COUNT):
        rng = random.Random(seed)
        place = tmp_path / "place"
        place.mkdir()
        target = Target(files, archive, built.folder.name, rng, place / "release")
        if rng.random() < 0.6:
            kind: Callable[[Target], Any] = rng.choice(FOLDERS)
            for name, content in files.items():
                (target.folder / name).parent.mkdir(parents=True, exist_ok=True)
                (target.folder / name).write_bytes(content)
            kind(target)
            path, same = target.folder, _same(target.folder, files)
        else:
            kind = rng.choice(ZIPS)
            target.folder.mkdir()
            content = kind(target)
            path, same = place / f"{target.stem}.zip", content == archive
            path.write_bytes(content)
        before = _listing(tmp_path, cache)
        told = f"seed {seed}, {kind.__name__}, in {path}"
        counts["unchanged" if same else kind.__name__] += 1
        assert verify_release(path).ok == same, told
        _load(path, cache, same, target.resealed, pristine, told)
        if path.suffix == ".zip" and not same:
            with pytest.raises(DataError):  # as the registry's SHA-256 does for whatever is packed anew
                load(path, cache=cache, sha256=digest)
        assert _listing(tmp_path, cache) == before, told
        assert not Path("/tmp/outside-amlsynth").exists() and not list(scratch.iterdir()), told
        shutil.rmtree(place)
    with capsys.disabled():
        if COUNT > 1_000:
            print(f"\n{COUNT:,} mutated releases in {time.perf_counter() - began:.0f} s: {dict(counts)}")
    assert counts["unchanged"] < COUNT / 20


def _load(path: Path, cache: Path, same: bool, resealed: bool, pristine: Any, told: str) -> None:
    """Load a mutated release. With SHA256SUMS made to fit, only other data or another package are refused."""
    try:
        frame = load(path, cache=cache)
    except AmlsynthError as error:
        assert not same and 20 < len(str(error)) < 2_000, told
        return
    assert same or resealed, told
    assert frame.equals(pristine), told


def _same(folder: Path, files: dict[str, bytes]) -> bool:
    found = {
        p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if not p.is_dir() or p.is_symlink()
    }
    return found.keys() == files.keys() and all(
        not path.is_symlink() and path.is_file() and path.read_bytes() == files[name]
        for name, path in found.items()
    )


def _listing(root: Path, cache: Path) -> set[tuple[str, int, int]]:
    found = set()
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = Path(folder, name)
            if cache not in (path, *path.parents):
                status = path.lstat()
                found.add(
                    (str(path), status.st_mode, 0 if stat.S_ISDIR(status.st_mode) else status.st_mtime_ns)
                )
    return found
