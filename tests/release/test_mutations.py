"""Thousands of mutated releases: verify and load refuse all that differ; none crashes or writes elsewhere.

Two are mutated: a small one with an evaluation, and the data set of the package, which has a guarantee. The
normal suite tries a hundred; `make fuzz` tries 10,000. A failure names the mutation and its seed.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import os
import random
import re
import shutil
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from amlsynth.cohort.validation import validate
from amlsynth.foundation import parquet
from amlsynth.foundation.assets import asset
from amlsynth.foundation.defaults import BUNDLED
from amlsynth.foundation.errors import AmlsynthError, DataError
from amlsynth.loading import load
from amlsynth.release import ReleaseResult, verify_release
from amlsynth.release.archive import method_of

COUNT = int(os.environ.get("AMLSYNTH_FUZZ", "100"))
FIRST = int(os.environ.get("AMLSYNTH_FUZZ_FIRST", "0"))
BLOCK = 250  # mutations a test, so that all cores have some
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


HOSTILE_VALUES: list[Any] = [
    None, 1e308, -1, 10**400, True, "", "../../etc/passwd", "/etc/passwd", "https://example.org/x", [], {},
    "\u202e", "\x1b[2J", "x" * 100_000, {"$ref": "file:///etc/passwd"}, "(a+)+$", "javascript:alert(1)",
    "{{< include /etc/passwd >}}", "=HYPERLINK(1)", "<script>alert(1)</script>", [[]] * 50, float("nan"),
]  # fmt: skip


@dataclass(frozen=True)
class Base:
    """A release in order: its files, its zip and what is loaded from it."""

    folder: Path
    zipped: Path
    files: dict[str, bytes]
    archive: bytes
    frame: pd.DataFrame

    @functools.cached_property
    def headers(self) -> dict[bytes, list[int]]:
        """Where the archive has a local header, an entry of its directory, its end."""
        signs = (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06")
        return {sign: [m.start() for m in re.finditer(re.escape(sign), self.archive)] for sign in signs}


@dataclass
class Target:
    """A copy of a release to mutate, and a random generator that decides.

    resealed : SHA256SUMS was made to fit, or all hashes were.
    vouched : the file that was changed has its hash in the provenance, or follows from others, so that verify
        has to refuse it even so.
    """

    base: Base
    rng: random.Random
    folder: Path
    resealed: bool = False
    rehashed: bool = False
    vouched: bool = True

    @property
    def files(self) -> dict[str, bytes]:
        return self.base.files

    @property
    def archive(self) -> bytes:
        return self.base.archive

    @property
    def stem(self) -> str:
        return self.base.folder.name

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

    def rehash(self, name: str) -> None:
        """Make every hash of a file fit: as `reseal`, and in the data package and the provenance."""
        content = (self.folder / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        package = json.loads(self.files["datapackage.json"])
        for entry in package["resources"]:
            if entry["path"] == name:
                entry["hash"] = f"sha256:{digest}"
                entry["bytes" if "bytes" in entry else "size"] = len(content)
        packed = json.dumps(package).encode()
        self.change("datapackage.json", packed)
        made = json.loads(self.files["provenance.json"])
        made["files"] |= {name: digest, "datapackage.json": hashlib.sha256(packed).hexdigest()}
        self.change("provenance.json", json.dumps(made).encode())
        self.reseal()
        self.rehashed = True


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


def edited(rng: random.Random, content: Any) -> Any:
    """Change one value anywhere in plain data."""
    node: Any = content
    while True:
        key = rng.choice(sorted(node, key=str)) if isinstance(node, dict) else rng.randrange(len(node))
        if not (isinstance(node[key], (dict, list)) and node[key]) or rng.random() < 0.15:
            break
        node = node[key]
    if isinstance(node, dict) and rng.random() < 0.2:
        node["more"] = rng.choice(HOSTILE_VALUES)
    else:
        node[key] = rng.choice([value for value in HOSTILE_VALUES if value != node[key]])
    return content


def a_record_edited(t: Target) -> None:
    """Change one value anywhere in a record, and make the checksums fit."""
    records = [name for name in t.files if name.endswith(".json") and not name.startswith("adam/")]
    name = t.rng.choice(["datapackage.json", *sorted(records)])
    t.change(name, json.dumps(edited(t.rng, json.loads(t.files[name]))).encode())
    t.vouched = name not in ("provenance.json", "decision.json")
    t.reseal()


def the_dictionary_edited(t: Target) -> None:
    """Change one value anywhere in the dictionary that the release carries, and make the hashes fit."""
    content = edited(t.rng, yaml.safe_load(t.files["dictionary.yaml"]))
    t.change("dictionary.yaml", yaml.safe_dump(content, sort_keys=False).encode())
    t.rehash("dictionary.yaml")
    t.vouched = False  # another dictionary may be one as well


def a_table_rewritten(t: Target) -> None:
    """Write the Parquet file again, sound and otherwise, and make all hashes fit."""
    name = next(name for name in t.files if name.endswith(".parquet"))
    table = pq.read_table(io.BytesIO(t.files[name]))
    at = t.rng.randrange(table.num_columns)
    field, n = table.field(at).name, len(table)
    column: Callable[[Any], Any] = lambda values: table.set_column(at, field, values)
    change: Callable[[], Any] = t.rng.choice(
        [
            lambda: column(pa.array([["x"]] * n)),
            lambda: column(pa.array([{"a": 1}] * n)),
            lambda: column(pa.array([b"\xff"] * n)),
            lambda: column(pa.array(["=1+1"] * n)),
            lambda: column(pa.array(["x" * 20_000] * n)),
            lambda: column(pa.array([float("inf")] * n)),
            lambda: column(pa.array([2**62] * n)),
            lambda: column(pa.nulls(n)),
            lambda: table.rename_columns([f"{c}\x1b" if c == field else c for c in table.column_names]),
            lambda: table.drop_columns([field]),
            lambda: table.append_column("more", pa.array([1] * n)),
            lambda: table.append_column(field, table.column(at)),
            lambda: table.take([0] * 200_000),
            lambda: table.slice(0, n - 1),
            lambda: table.take(list(reversed(range(n)))),
            lambda: table.replace_schema_metadata({b"pandas": t.rng.choice(HOSTILE_JSON)}),
            lambda: table.replace_schema_metadata({b"ARROW:schema": b"x" * 100, b"amlsynth": b"\xff"}),
        ]
    )
    out = io.BytesIO()
    pq.write_table(change(), out)
    t.change(name, out.getvalue())
    t.rehash(name)


def a_cell_edited(t: Target) -> None:
    """Change one cell of the CSV file, and make all hashes fit."""
    name = next(name for name in t.files if name.startswith("data/") and name.endswith(".csv"))
    lines = t.files[name].decode().split("\n")
    at = t.rng.randrange(len(lines) - 1)
    cells = lines[at].split(",")
    worse = ["=1+1", "NaN", "inf", "-1", "1e999", "0x10", '"', '"a\nb"', "x" * 200_000, "\0", "\u202e", "1,1"]
    cells[t.rng.randrange(len(cells))] = t.rng.choice(worse)
    lines[at] = ",".join(cells)
    t.change(name, "\n".join(lines).encode())
    t.rehash(name)


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
    at = t.rng.choice(t.rng.choice(list(t.base.headers.values()))) + t.rng.randint(4, 45)
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
    hostile_records, a_record_edited, a_record_edited, the_dictionary_edited, resealed_data,
    a_table_rewritten, a_cell_edited,
]  # fmt: skip
ZIPS = [bytes_of_the_zip, bytes_of_the_zip, headers_of_the_zip, entries_of_the_zip, a_bomb]


def edit_a_marker(rng: random.Random, cache: Path) -> None:
    """Change what the cache notes of a release that was checked."""
    path = rng.choice(sorted(path for path in cache.rglob("*.json") if path.stat().st_size))
    if rng.random() < 0.3:
        path.write_bytes(rng.choice([*HOSTILE_JSON, damaged(rng, path.read_bytes())]))
        return
    with contextlib.suppress(ValueError, TypeError, IndexError, RecursionError):  # damaged before
        path.write_text(json.dumps(edited(rng, json.loads(path.read_bytes()))))


@pytest.fixture(scope="module")
def bases(slight: ReleaseResult, tmp_path_factory: pytest.TempPathFactory) -> list[Base]:
    """The releases to mutate; do not change them in place."""
    (bundled,) = asset(BUNDLED).glob("*.zip")
    place = tmp_path_factory.mktemp("bundled")
    with zipfile.ZipFile(bundled) as zipped:
        zipped.extractall(place)
    made = []
    for folder, archive in ((slight.folder, slight.archive), (place / bundled.stem, bundled)):
        files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        frame = load(folder, cache=place / "cache")
        made.append(Base(folder, archive, files, archive.read_bytes(), frame))
    return made


@pytest.fixture
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not start the process that reads a Parquet file first again for the same bytes."""
    found: dict[Any, DataError | None] = {}
    try_reading = parquet.try_reading

    def once(path: Path, columns: int, rows: int) -> None:
        key = (path.read_bytes(), columns, rows)
        if key not in found:
            try:
                found[key] = try_reading(path, columns, rows)  # type: ignore[func-returns-value]
            except DataError as error:
                found[key] = error
        if found[key] is not None:
            raise found[key]

    monkeypatch.setattr(parquet, "try_reading", once)


@pytest.mark.usefixtures("read_once")
@pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, BLOCK))
def test_mutated_releases_are_refused(
    first: int,
    bases: list[Base],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if COUNT > 1_000:  # what is remembered of each content grows
        request.getfixturevalue("_checked").clear()
    scratch, cache = tmp_path / "scratch", tmp_path / "cache"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    for base in bases:
        load(base.folder, cache=cache)  # so that a marker says that this content is right
    counts: Counter[str] = Counter()
    seeds = range(first, min(first + BLOCK, FIRST + COUNT))
    for seed in seeds:
        rng = random.Random(seed)
        place = tmp_path / "place"
        place.mkdir()
        target = Target(bases[seed % 16 == 0], rng, place / "release")
        if rng.random() < 0.65:
            kind: Callable[[Target], Any] = rng.choice(FOLDERS)
            for name, content in target.files.items():
                (target.folder / name).parent.mkdir(parents=True, exist_ok=True)
                (target.folder / name).write_bytes(content)
            kind(target)
            path, same = target.folder, _same(target.folder, target.files)
        else:
            kind = rng.choice(ZIPS)
            target.folder.mkdir()
            content = kind(target)
            path, same = place / f"{target.stem}.zip", content == target.archive
            path.write_bytes(content)
        before = _listing(tmp_path, cache)
        told = f"seed {seed}, {kind.__name__}, in {path}"
        counts["unchanged" if same else kind.__name__] += 1
        verified = verify_release(path).ok
        assert verified == same or (verified and not target.vouched), told
        _load(path, cache, same, target, told)
        if path.suffix == ".zip" and not same:
            with pytest.raises(DataError):  # as the registry's SHA-256 does for whatever is packed anew
                load(path, cache=cache, sha256=hashlib.sha256(target.archive).hexdigest())
        assert _listing(tmp_path, cache) == before, told
        assert not Path("/tmp/outside-amlsynth").exists() and not list(scratch.iterdir()), told
        shutil.rmtree(place)
    assert counts["unchanged"] < max(5, len(seeds) / 20)
    for seed in seeds[::5]:
        edit_a_marker(random.Random(seed), cache)
        base = bases[seed % 2]
        assert load(base.folder, cache=cache).equals(base.frame), f"seed {seed}, a marker of the cache"


def _load(path: Path, cache: Path, same: bool, target: Target, told: str) -> None:
    """Load a mutated release. With SHA256SUMS made to fit, only other data or another package are refused.

    With all hashes made to fit it is another release, and its data have to be valid.
    """
    try:
        frame = load(path, cache=cache)
    except AmlsynthError as error:
        said = str(error).replace(str(path), "")  # which a list of rows has in every line
        assert not same and 20 < len(said) < 2_000, told
        return
    assert same or target.resealed, told
    if not frame.equals(target.base.frame):
        assert target.rehashed and validate(frame, "synthetic").ok, told


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
