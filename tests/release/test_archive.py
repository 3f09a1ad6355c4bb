"""The archive: the same bytes every time, and nothing unpacked that should not be."""

from __future__ import annotations

import datetime
import stat
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amlsynth.release.archive import unpack, write_archive

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
            assert info.compress_type == zipfile.ZIP_STORED


def test_only_what_is_wanted_is_unpacked(tmp_path: Path) -> None:
    write_tree(tmp_path / "in", {"a": b"1", "b": b"2"})
    write_archive(tmp_path / "in", ["a", "b"], tmp_path / "x.zip", "top", DATE)
    (tmp_path / "out").mkdir()
    assert unpack(tmp_path / "x.zip", tmp_path / "out", lambda name: name == "b").problems == []
    assert read_tree(tmp_path / "out") == {"b": b"2"}


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (2026, 11, 20, 0, 0, 0))
    info.create_system = 3
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


def test_a_compressed_entry_is_refused_and_so_is_a_zip_bomb(tmp_path: Path) -> None:
    info = entry("top/bomb")
    info.compress_type = zipfile.ZIP_DEFLATED
    archive = zip_of(tmp_path / "x.zip", (info, b"0" * 50_000_000))
    assert "compressed" in refused(tmp_path, archive)


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
    assert "more bytes than the archive has" in refused(tmp_path, archive)


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
    archive = zip_of(tmp_path / "x.zip", (entry("top/a"), b"secret"))
    archive.write_bytes(archive.read_bytes().replace(b"secret", b"sEcret"))
    (tmp_path / "out").mkdir()
    problems = unpack(archive, tmp_path / "out").problems
    assert [problem.file for problem in problems] == ["a"]
    assert "damaged" in problems[0].message


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
