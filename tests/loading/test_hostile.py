"""Releases made to harm whoever reads them: each is refused with a sentence, at once and in little memory.

`benchmarks/hostile.py` measures time and memory of the same cases.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

import amlsynth
from amlsynth.cli import main
from amlsynth.foundation.errors import AmlsynthError, DataError
from amlsynth.loading import Cache
from amlsynth.release import verify_release
from amlsynth.release.checksums import sha256_of, write_checksums

ESCAPE = "\x1b]0;owned\x07\x1b[2J"


def parquet(folder: Path, change: Callable[[pa.Table], pa.Table], **options: Any) -> None:
    """Put another Parquet file in the place of the release's, and describe it as that."""
    path = folder / "data" / "small.parquet"
    pyarrow.parquet.write_table(change(pyarrow.parquet.read_table(path)), path, compression="zstd", **options)
    described(folder, path)


def described(folder: Path, path: Path) -> None:
    package = json.loads((folder / "datapackage.json").read_text())
    resource = package["resources"][1]
    content = path.read_bytes()
    resource |= {"hash": f"sha256:{sha256_of(content)}", "size": len(content)}
    (folder / "datapackage.json").write_text(json.dumps(package))


def column(values: Any) -> Callable[[pa.Table], pa.Table]:
    """Replace the column AGE."""
    return lambda table: table.set_column(table.column_names.index("AGE"), "AGE", values)


def bytes_of(folder: Path, change: Callable[[bytearray], object]) -> None:
    path = folder / "data" / "small.parquet"
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)
    described(folder, path)


def package(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((folder / "datapackage.json").read_text())
    change(content)
    (folder / "datapackage.json").write_text(json.dumps(content))


def deep(folder: Path, hundreds: int = 3) -> None:
    """Hundreds of folders, one in the other; few enough here for the tests' own tidying up."""
    here = folder
    for _ in range(hundreds):  # a path may have 4,000 characters, so they are made bit by bit
        here = here / Path("d/" * 100)
        here.mkdir(parents=True)


def rows(number: int) -> Callable[[pa.Table], pa.Table]:
    """A few hundred bytes a column for any number of rows."""
    nothing = pa.nulls(number, pa.int8())
    return lambda table: pa.table(dict.fromkeys(table.column_names, nothing))


LONG = pa.DictionaryArray.from_arrays(pa.array(np.zeros(40, np.int32)), pa.array(["x" * 20_000]))
FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a list": (lambda f: parquet(f, column(pa.array([[1]] * 40))), "lists, maps or structures"),
    "a map": (
        lambda f: parquet(f, column(pa.array([[("a", 1)]] * 40, pa.map_(pa.string(), pa.int8())))),
        "lists, maps or structures",
    ),
    "a structure": (lambda f: parquet(f, column(pa.array([{"x": 1}] * 40))), "lists, maps or structures"),
    "bytes": (lambda f: parquet(f, column(pa.array([b"\xff"] * 40))), "neither numbers nor text"),
    "another column": (
        lambda f: parquet(f, lambda t: t.append_column("X", t["AGE"])),
        "not as the dictionary",
    ),
    "rows": (lambda f: parquet(f, rows(1_000_000), row_group_size=1_000_000), "1,000,000 rows where 40"),
    "long text": (lambda f: parquet(f, column(LONG), store_schema=False), "cells of more than 10,000 bytes"),
    "garbage metadata": (
        lambda f: parquet(
            f,
            lambda t: t.replace_schema_metadata({"ARROW:schema": "garbage", "pandas": "{"}),
            store_schema=False,
        ),
        "",
    ),
    "metadata with a byte-order mark": (
        lambda f: parquet(f, lambda t: t.replace_schema_metadata({"pandas": "\ufeff{}"})),
        "",
    ),
    "deep metadata": (
        lambda f: parquet(f, lambda t: t.replace_schema_metadata({"pandas": "[" * 100_000})),
        "",
    ),
    "cut off": (
        lambda f: bytes_of(f, lambda content: content.__delitem__(slice(-20, None))),
        "not a readable",
    ),
    "a footer of 2 GB": (
        lambda f: bytes_of(f, lambda c: c.__setitem__(slice(-8, -4), b"\xff\xff\xff\x7f")),
        "not a readable",
    ),
    "a broken page": (
        lambda f: bytes_of(f, lambda c: c.__setitem__(slice(4, 400), b"\xff" * 396)),
        "it cannot be read in|is damaged",
    ),
    "a slow pattern": (
        lambda f: package(
            f,
            lambda p: p["resources"][0]["schema"]["fields"][0].update(constraints={"pattern": "(a*)*b" * 9}),
        ),
        "",
    ),
    "a title for terminals": (
        lambda f: package(f, lambda p: p.update(title=ESCAPE)),
        "control characters at title",
    ),
    "text that runs backwards": (
        lambda f: package(f, lambda p: p["keywords"].append("\u202etxt.exe")),
        "control characters at keywords.0",
    ),
    "a licence that is a script": (
        lambda f: package(f, lambda p: p["licenses"][0].update(path="javascript:alert(1)")),
        "https:// address",
    ),
    "a list of lists": (
        lambda f: (f / "datapackage.json").write_text('{"x": ' + "[" * 100_000 + "]" * 100_000 + "}"),
        "datapackage.json (is not as|cannot be read)",
    ),
    "a dictionary of base 60": (
        lambda f: (f / "dictionary.yaml").write_text("version: " + "1:" * 900_000 + "1\n"),
        "dictionary",
    ),
    "a dictionary with a key that is a list": (
        lambda f: (f / "dictionary.yaml").write_text("? [a, b]\n: 1\n"),
        "a key must be one word",
    ),
    "a dictionary with many parts": (
        lambda f: (f / "dictionary.yaml").write_text("- a\n" * 400_000),
        "too many",
    ),
    "a dictionary with a formula": (
        lambda f: (f / "dictionary.yaml").write_text(
            (f / "dictionary.yaml").read_text().replace("value: female", "value: =cmd()")
        ),
        "formula for spreadsheets",
    ),
    "a dictionary for terminals": (
        lambda f: (f / "dictionary.yaml").write_text(
            (f / "dictionary.yaml").read_text().replace("title: ", 'title: "\\e[2J"  # ', 1)
        ),
        "control characters at title",
    ),
    "deep folders": (deep, "too deep"),
}


# The same checks serve `load` and `verify`; so of each of them one is held against both.
VERIFIED = (
    "a map",
    "a title for terminals",
    "a licence that is a script",
    "a dictionary of base 60",
    "deep folders",
)


@pytest.mark.parametrize("kind", FOLDERS)
def test_hostile_folders(folder: Path, kind: str, patients: pd.DataFrame) -> None:
    tamper, problem = FOLDERS[kind]
    tamper(folder)
    if kind != "deep folders":
        write_checksums(folder)
    if not problem:  # what is strange and does no harm
        pd.testing.assert_frame_equal(amlsynth.load(folder), patients)
        return
    with pytest.raises(AmlsynthError, match=problem) as caught:
        amlsynth.load(folder)
    assert "\x1b" not in str(caught.value)
    if kind in VERIFIED:
        report = verify_release(folder)
        assert not report.ok and "could not be finished" not in str(report.problems)


def entries(content: bytes, count: int) -> bytes:
    """Claim another number of entries at the end of a zip."""
    return content[:-12] + struct.pack("<HH", count, count) + content[-8:]


def directory(content: bytes, length: int) -> bytes:
    """Claim another length of the list of entries."""
    return content[:-10] + struct.pack("<L", length) + content[-6:]


def many(count: int) -> bytes:
    """A zip with many empty entries."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped:
        for number in range(count):
            zipped.writestr(f"small-1.0.0/{number}", b"")
    return stream.getvalue()


ZIPS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "60,000 entries claimed": (lambda c: entries(c, 60_000), "60,000 entries are too many"),
    "2,000 entries": (lambda _: many(2_000), "2,000 entries are too many"),
    "a list of 3 GB": (lambda c: directory(c, 3_000_000_000), "list of entries is too long"),
    "a comment": (lambda c: c[:-2] + struct.pack("<H", 5) + b"hello", "not a readable zip|comment"),
    "a zip64 that is none": (lambda c: c[:-22] + b"PK\x06\x07" + b"\0" * 16 + c[-22:], "not a readable zip"),
    "nothing": (lambda _: b"", "not a readable zip"),
}


@pytest.mark.parametrize("kind", ZIPS)
def test_hostile_zips(folder: Path, zipped: Callable[[Path], Path], kind: str) -> None:
    tamper, problem = ZIPS[kind]
    archive = zipped(folder)
    archive.write_bytes(tamper(archive.read_bytes()))
    with pytest.raises(DataError, match=problem):
        amlsynth.load(archive)
    if kind == "2,000 entries":
        assert "too many" in str(verify_release(archive).problems)


def test_what_is_used_is_what_was_checked(
    folder: Path, zipped: Callable[[Path], Path], patients: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is swapped for another one right after it was hashed, and again before it is read."""
    from amlsynth.release import integrity

    archive = zipped(folder)
    digest = sha256_of(archive.read_bytes())
    plain = integrity.unpack

    def swapped(path: Path, *arguments: Any) -> Any:
        archive.write_bytes(b"PK another")
        return plain(path, *arguments)

    monkeypatch.setattr(integrity, "unpack", swapped)
    made = amlsynth.dataset(archive, sha256=digest)
    pd.testing.assert_frame_equal(made.frame, patients)
    assert made.sha256 == digest
    with pytest.raises(DataError, match=f"not {digest}"):
        amlsynth.load(archive, sha256=digest)


def test_a_swapped_csv_is_not_read(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = published.read_bytes()
    from amlsynth.loading import foreign

    plain = foreign.layout_of

    def swapped(path: Path, *arguments: Any) -> Any:
        published.write_bytes(content.replace(b"X1;", b"Y1;"))
        return plain(path, *arguments)

    monkeypatch.setattr(foreign, "layout_of", swapped)
    with pytest.warns(UserWarning, match="eckardt"):
        made = amlsynth.dataset(published, sha256=sha256_of(content))
    assert made.sha256 == sha256_of(content)
    with pytest.raises(AmlsynthError, match=str(published)):  # and its own name stands in the sentence
        amlsynth.load(published, sha256=sha256_of(content))


FORGED: dict[str, Any] = {
    "nothing": {},
    "a list": [],
    "other types": {"name": 1, "version": 2, "data_sha256": 3, "package_sha256": 4, "columns": 5},
    "another place": {"name": "../../x"},
    "text for terminals": {"version": ESCAPE},
    "columns that are none": {"columns": [["AGE"], 3]},
    "other hashes": {"data_sha256": "0" * 64},
}


@pytest.mark.parametrize("kind", FORGED)
def test_forged_markers_are_made_again(
    folder: Path, kind: str, patients: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    first = amlsynth.load(folder)
    (marker,) = [
        path for path in (Cache().folder / "checked").iterdir() if not path.name.startswith("registry")
    ]
    content = json.loads(marker.read_text())
    forged = FORGED[kind]
    marker.write_text(json.dumps(content | forged if isinstance(forged, dict) and forged else forged))
    again = amlsynth.load(folder)
    pd.testing.assert_frame_equal(again, patients)
    assert again.attrs == first.attrs
    amlsynth.datasets()
    with pytest.raises(SystemExit):
        main(["datasets"])
    assert "\x1b" not in capsys.readouterr().out


def test_what_is_told_does_not_come_from_the_cache(folder: Path) -> None:
    amlsynth.load(folder)
    for path in Cache().folder.rglob("*.json"):
        path.write_text(path.read_text().replace("small", "evil"))
    assert amlsynth.load(folder).attrs["name"] == "small"


def test_no_escape_reaches_a_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    strange = folder.rename(folder.with_name(f"small-{ESCAPE}"))
    (strange / "datapackage.json").write_text("{}")
    for arguments in (
        ["load", str(strange)],
        ["release", "verify", str(strange)],
        ["validate", f"{strange}.csv"],
    ):
        with pytest.raises(SystemExit):
            main(arguments)
        captured = capsys.readouterr()
        assert "\x1b" not in captured.out + captured.err and "\\u001b" in captured.out + captured.err


def test_a_table_of_lists_is_no_cohort(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pa.table({name: [[1]] for name in amlsynth.dictionary().names}), path)
    with pytest.raises(DataError, match="lists, maps or structures"):
        amlsynth.read_table(path)
