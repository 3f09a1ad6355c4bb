"""The archive: the same bytes every time, and nothing unpacked that should not be."""

from __future__ import annotations

import datetime
import stat
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amlsynth.foundation.errors import DataError
from amlsynth.release.archive import method_of, unpack, write_archive

DATE = datetime.date(2026, 11, 20)
PARTS = st.text("abcXYZ019_-", min_size=1, max_size=8)
TREES = st.dictionaries(
    st.builds("/".join, st.lists(PARTS.map(lambda part: f"d{part}"), max_size=2).map(lambda p: [*p, "f"])),
    st.binary(max_size=300),
    min_size=1,
    max_size=5,
)


def write_tree(folder: Path, tree: dict[str, bytes]) -> None:
    for name, content in tree.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def read_tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@settings(max_examples=40, deadline=None)
@given(TREES.filter(lambda tree: len({name.casefold() for name in tree}) == len(tree)))
def test_what_is_written_is_unpacked_and_the_bytes_repeat(tree: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        for name in ("one", "two"):
            (base / name).mkdir()
            # The order in which files were written must not matter.
            names = list(tree) if name == "one" else list(reversed(tree))
            write_tree(base / name, {key: tree[key] for key in names})
            write_archive(base / name, names, base / f"{name}.zip", "top-1.0.0", DATE)
        assert (base / "one.zip").read_bytes() == (base / "two.zip").read_bytes()
        target = base / "out"
        target.mkdir()
        unpacked = unpack(base / "one.zip", target)
        assert (unpacked.top, unpacked.problems) == ("top-1.0.0", [])
        assert read_tree(target) == tree


def test_the_archive_is_an_ordinary_zip(tmp_path: Path) -> None:
    write_tree(tmp_path / "in", {"b": b"2", "a/c": b"1"})
    write_archive(tmp_path / "in", ["b", "a/c"], tmp_path / "x.zip", "top", DATE)
    with zipfile.ZipFile(tmp_path / "x.zip") as zipped:
        assert zipped.testzip() is None
        assert zipped.namelist() == ["top/a/c", "top/b"]
        for info in zipped.infolist():
            assert info.date_time == (2026, 11, 20, 0, 0, 0)
            assert info.external_attr >> 16 == stat.S_IFREG | 0o644
            assert info.compress_type == zipfile.ZIP_DEFLATED


def test_texts_are_deflated_and_parquet_is_not(tmp_path: Path) -> None:
    write_tree(tmp_path / "in", {"a.csv": b"0,1\n" * 50_000, "b.parquet": b"0" * 1000, "é": b"x"})
    write_archive(tmp_path / "in", ["a.csv", "b.parquet", "é"], tmp_path / "x.zip", "top", DATE)
    with zipfile.ZipFile(tmp_path / "x.zip") as zipped:
        assert zipped.testzip() is None
        sizes = {info.filename: (info.file_size, info.compress_size) for info in zipped.infolist()}
    assert sizes["top/b.parquet"] == (1000, 1000)
    assert sizes["top/a.csv"][0] == 200_000 and sizes["top/a.csv"][1] < 1000
    assert sizes["top/é"][0] == 1
    # The headers are those that Python's own writer makes.
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as zipped:
        for name in ("a.csv", "b.parquet", "é"):
            info = entry(f"top/{name}")
            info.compress_type = method_of(name)
            zipped.writestr(info, (tmp_path / "in" / name).read_bytes(), compresslevel=9)
    assert (tmp_path / "x.zip").read_bytes() == (tmp_path / "y.zip").read_bytes()


def test_streams_of_another_zlib_are_taken_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path / "in", {"a": bytes(range(256)) * 9000, "b": b"", "c.parquet": b"2"})
    other = zlib.compressobj
    with monkeypatch.context() as patch:
        patch.setattr("zlib.compressobj", lambda _, *rest: other(1, *rest))
        write_archive(tmp_path / "in", ["a", "b", "c.parquet"], tmp_path / "x.zip", "top", DATE)
    for streams_of, same in ((None, False), (tmp_path / "x.zip", True)):
        write_archive(tmp_path / "in", ["a", "b", "c.parquet"], tmp_path / "y.zip", "top", DATE, streams_of)
        assert ((tmp_path / "x.zip").read_bytes() == (tmp_path / "y.zip").read_bytes()) is same
    for change in (b"another", bytes(range(256)) * 9000 + b"more", b""):
        (tmp_path / "in" / "a").write_bytes(change)
        with pytest.raises(DataError, match=r"x\.zip: an entry is"):
            write_archive(tmp_path / "in", ["a"], tmp_path / "y.zip", "top", DATE, tmp_path / "x.zip")


def test_only_what_is_wanted_is_unpacked(tmp_path: Path) -> None:
    write_tree(tmp_path / "in", {"a": b"1", "b": b"2"})
    write_archive(tmp_path / "in", ["a", "b"], tmp_path / "x.zip", "top", DATE)
    (tmp_path / "out").mkdir()
    assert unpack(tmp_path / "x.zip", tmp_path / "out", lambda name: name == "b").problems == []
    assert read_tree(tmp_path / "out") == {"b": b"2"}


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (2026, 11, 20, 0, 0, 0))
    info.create_system = 3
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = mode << 16
    return info


def zip_of(path: Path, *entries: tuple[zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as zipped:
        for info, content in entries:
            zipped.writestr(info, content, info.compress_type)
    return path


def refused(tmp_path: Path, archive: Path) -> str:
    """Unpack into a deep folder; return the messages, after a look that nothing was written."""
    target = tmp_path / "deep" / "er" / "target"
    target.mkdir(parents=True)
    before = set(tmp_path.rglob("*"))
    unpacked = unpack(archive, target)
    assert unpacked.top is None
    assert unpacked.problems
    assert set(tmp_path.rglob("*")) == before
    return " | ".join(str(problem) for problem in unpacked.problems)


@pytest.mark.parametrize(
    "name",
    [
        "../evil", "top/../../evil", "/etc/evil", "//host/share", "top//evil", "top/./evil", "C:/evil",
        "top/C:evil", "top\\..\\evil", "top/..", "top/a\nb", "top/nul", "top/con.txt", "top/dot.",
        "top/x\x00y", "top/" + "n" * 300,
    ],
)  # fmt: skip
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    info = entry("top/placeholder")
    info.filename = name  # the constructor would make it harmless
    archive = zip_of(tmp_path / "x.zip", (entry("top/a"), b"1"), (info, b"evil"))
    assert "the name " in refused(tmp_path, archive)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_a_link_or_special_file_is_refused(tmp_path: Path, kind: int) -> None:
    archive = zip_of(tmp_path / "x.zip", (entry("top/a", kind | 0o777), b"/etc/passwd"))
    assert "link or special file" in refused(tmp_path, archive)


@pytest.mark.parametrize("other", ["top/a", "top/A", "top/Á"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_stands_twice_is_refused(tmp_path: Path, other: str) -> None:
    first = "top/Á" if other.endswith("Á") else "top/a"
    archive = zip_of(tmp_path / "x.zip", (entry(first), b"1"), (entry(other), b"2"))
    assert "stands twice" in refused(tmp_path, archive)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_entry_that_is_compressed_otherwise_is_refused(tmp_path: Path, method: int) -> None:
    info = entry("top/a")
    info.compress_type = method
    archive = zip_of(tmp_path / "x.zip", (info, b"0" * 1000))
    assert "not compressed as release build does it" in refused(tmp_path, archive)


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    info = entry("top/bomb")
    info.compress_type = zipfile.ZIP_DEFLATED
    archive = zip_of(tmp_path / "x.zip", (info, b"0" * 150_000_000))
    assert archive.stat().st_size < 200_000
    assert "more bytes than a release's archive of its size has" in refused(tmp_path, archive)


def test_an_entry_with_more_than_it_claims_is_damaged(tmp_path: Path) -> None:
    info = entry("top/a")
    info.compress_type = zipfile.ZIP_DEFLATED
    archive = zip_of(tmp_path / "x.zip", (info, b"0" * 50_000_000))
    content = bytearray(archive.read_bytes())
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = struct.pack("<I", 10)
    archive.write_bytes(content)
    (tmp_path / "out").mkdir()
    assert unpack(archive, tmp_path / "out").problems
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*")) < 100


def test_an_encrypted_entry_is_refused(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "x.zip", (entry("top/a"), b"secret"))
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(signature) + offset
        content[at] |= 1
    archive.write_bytes(content)
    assert "encrypted" in refused(tmp_path, archive)


def test_entries_that_claim_more_than_the_archive_has_are_refused(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "x.zip", (entry("top/a"), b"secret"))
    content = bytearray(archive.read_bytes())
    at = content.index(b"PK\x01\x02") + 20
    content[at : at + 8] = struct.pack("<II", 1 << 30, 1 << 30)
    archive.write_bytes(content)
    assert "more bytes than a release's archive" in refused(tmp_path, archive)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["a"], "not in the archive's top folder"),
        (["top/a", "other/b"], "2 top folders"),
        (["top/", "top/a"], "a folder has an entry"),
        ([], "empty"),
        ([f"top/{number}" for number in range(1001)], "1,001 entries are too many"),
    ],
)
def test_another_layout_is_refused(tmp_path: Path, names: list[str], problem: str) -> None:
    archive = zip_of(tmp_path / "x.zip", *((entry(name), b"") for name in names))
    assert problem in refused(tmp_path, archive)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all", b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    refused(tmp_path, tmp_path / "x.zip")


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    write_tree(tmp_path / "in", {"a": b"1" * 1000})
    write_archive(tmp_path / "in", ["a"], tmp_path / "x.zip", "top", DATE)
    whole = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(whole[: len(whole) // 2])
    assert "damaged or cut off" in refused(tmp_path, tmp_path / "x.zip")


def test_a_damaged_entry_is_a_problem(tmp_path: Path) -> None:
    write_tree(tmp_path / "in", {"a": b"secret", "b.parquet": b"secret"})
    write_archive(tmp_path / "in", ["a", "b.parquet"], tmp_path / "x.zip", "top", DATE)
    content = bytearray((tmp_path / "x.zip").read_bytes())
    content[30 + len("top/a")] ^= 0b110  # the kind of the first block of the deflated stream
    (tmp_path / "x.zip").write_bytes(content.replace(b"secret", b"sEcret"))
    (tmp_path / "out").mkdir()
    problems = unpack(tmp_path / "x.zip", tmp_path / "out").problems
    assert [problem.file for problem in problems] == ["a", "b.parquet"]
    assert all("damaged" in problem.message for problem in problems)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_mutated_archive_never_raises_and_stays_in_its_folder(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        write_tree(base / "in", {"a": b"first", "d/b": b"second"})
        write_archive(base / "in", ["a", "d/b"], base / "x.zip", "top", DATE)
        content = bytearray((base / "x.zip").read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        (base / "x.zip").write_bytes(content)
        target = base / "out" / "deep"
        target.mkdir(parents=True)
        unpack(base / "x.zip", target)
        assert {path.name for path in base.iterdir()} == {"in", "x.zip", "out"}
        assert {path.name for path in (base / "out").iterdir()} == {"deep"}
