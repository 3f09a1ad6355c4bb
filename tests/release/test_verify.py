"""Verification: every kind of change to a release is found, and none of them makes it crash."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amlsynth.foundation.errors import MissingExtraError, UsageError
from amlsynth.release import ReleaseResult, VerifyReport, verify_release
from amlsynth.release.archive import method_of
from amlsynth.release.checksums import check_files
from amlsynth.release.doi import pack
from amlsynth.release.file_names import file_names
from amlsynth.release.metadata import write_metadata

NAME = "small-test"
STEM = f"{NAME}-1.2.3"
FILES = sorted(file_names(NAME))
DOCUMENTS = [
    "README.md", "LICENSE", "CITATION.cff", "CHANGELOG.md", "CODEBOOK.md", "report.html", "report.pdf",
]  # fmt: skip
CSV, PARQUET = f"data/{NAME}.csv", f"data/{NAME}.parquet"


def checks(report: VerifyReport) -> set[tuple[str, str]]:
    assert not report.ok
    return {(problem.file, problem.check) for problem in report.problems}


def edit_json(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def relink(folder: Path, reseal: Callable[[Path], None]) -> None:
    """Write all hashes again after a change of the data, as a thorough forger would."""
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (CSV, PARQUET)}

    def package(content: Any) -> None:
        for resource in content["resources"]:
            resource["hash"] = f"sha256:{digests[resource['path']]}"
            resource["bytes" if "bytes" in resource else "size"] = (folder / resource["path"]).stat().st_size

    edit_json(folder / "datapackage.json", package)
    for name in ("datapackage.json", "evaluation.json", "gates.json"):
        digests[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    edit_json(folder / "provenance.json", lambda content: content["files"].update(digests))
    reseal(folder)


def test_a_release_is_in_order(folder: Path, archive: Path) -> None:
    for path in (folder, archive):
        report = verify_release(path)
        assert report.ok and report.problems == ()
        assert (report.name, report.version, report.files) == (NAME, "1.2.3", len(FILES) - 1)
        assert report.to_dict() == {"ok": True} | json.loads(report.model_dump_json())


def test_the_copy_under_another_name_is_in_order(folder: Path, archive: Path, tmp_path: Path) -> None:
    assert verify_release(folder.rename(tmp_path / "renamed")).ok
    assert verify_release(archive.rename(tmp_path / "download(1).zip")).ok


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_found_in_every_file(folder: Path, name: str) -> None:
    path = folder / name
    content = bytearray(path.read_bytes())
    content[random.Random(name).randrange(len(content))] ^= 1
    path.write_bytes(content)
    problems = check_files(folder)[1]
    assert problems
    if name != "SHA256SUMS":
        assert [(problem.file, problem.check) for problem in problems] == [(name, "checksum")]


def test_every_byte_of_the_checksums_counts(folder: Path) -> None:
    content = (folder / "SHA256SUMS").read_bytes()
    for position in range(0, len(content), 7):
        changed = bytearray(content)
        changed[position] ^= 32  # turns a digit's case, among others
        (folder / "SHA256SUMS").write_bytes(changed)
        assert check_files(folder)[1], position


@pytest.mark.parametrize("name", FILES)
def test_every_missing_file_is_found(folder: Path, name: str) -> None:
    (folder / name).unlink()
    problems = check_files(folder)[1]
    assert [(problem.file, problem.check) for problem in problems] == [(name, "missing")]


def test_all_problems_are_told_at_once(folder: Path) -> None:
    with (folder / "README.md").open("a", encoding="utf-8") as stream:
        stream.write("more")
    (folder / PARQUET).write_bytes(b"")
    (folder / "LICENSE").unlink()
    (folder / "extra").write_text("", encoding="utf-8")
    assert checks(verify_release(folder)) == {
        ("README.md", "checksum"),
        (PARQUET, "checksum"),
        ("LICENSE", "missing"),
        ("extra", "extra"),
    }


@pytest.mark.parametrize(
    "names",
    [
        [CSV],
        [PARQUET],
        ["datapackage.json"],
        ["provenance.json"],
        ["evaluation.json"],
        ["gates.json"],
        DOCUMENTS,
    ],
)
def test_files_that_are_missing_from_the_list_too_are_found(
    folder: Path, names: list[str], reseal: Callable[[Path], None]
) -> None:
    for name in names:
        (folder / name).unlink()
    reseal(folder)
    assert {(name, "missing") for name in names} <= checks(verify_release(folder))


def test_truncated_and_swapped_files_are_found(folder: Path) -> None:
    (folder / CSV).write_bytes((folder / CSV).read_bytes()[:-10])
    (folder / "README.md").rename(folder / "x")
    (folder / "LICENSE").rename(folder / "README.md")
    (folder / "x").rename(folder / "LICENSE")
    found = checks(verify_release(folder))
    assert {(CSV, "checksum"), ("README.md", "checksum"), ("LICENSE", "checksum")} <= found


@pytest.mark.parametrize("name", ["patients.csv", "data/.hidden", "new/folder/file", ".DS_Store"])
def test_an_extra_file_is_found(folder: Path, name: str, reseal: Callable[[Path], None]) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("?", encoding="utf-8")
    assert checks(verify_release(folder)) == {(name, "extra")}
    reseal(folder)
    assert checks(verify_release(folder)) == {(name, "extra")}, "listing it does not make it a part"


def test_an_empty_folder_is_found(folder: Path) -> None:
    (folder / "more").mkdir()
    assert checks(verify_release(folder)) == {("more/", "link")}


@pytest.mark.parametrize("target", ["LICENSE", "/etc/hostname", "nowhere", "."])
def test_a_link_is_found_and_not_followed(folder: Path, target: str) -> None:
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to(target)
    good, problems = check_files(folder)
    assert "README.md" not in good
    assert [(problem.file, problem.check) for problem in problems] == [("README.md", "link")]


def test_a_linked_data_folder_is_found(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "data", tmp_path / "data")
    (folder / "data").symlink_to(tmp_path / "data", target_is_directory=True)
    found = checks(verify_release(folder))
    assert {("data", "link"), (CSV, "missing"), (PARQUET, "missing")} <= found


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_found_and_never_opened(folder: Path) -> None:
    (folder / "README.md").unlink()
    os.mkfifo(folder / "README.md")
    assert ("README.md", "link") in checks(verify_release(folder))


@pytest.mark.parametrize(
    "name",
    ["../outside", "/etc/hostname", "data/../../x", "data//x", "./README.md", "C:\\x", "data\\x", ".."],
)
def test_a_traversing_name_in_the_checksums_is_found(folder: Path, name: str) -> None:
    (folder.parent / "outside").write_text("secret", encoding="utf-8")
    with (folder / "SHA256SUMS").open("a", encoding="utf-8") as stream:
        stream.write(f"{hashlib.sha256(b'secret').hexdigest()}  {name}\n")
    good, problems = check_files(folder)
    assert name not in good
    assert ("SHA256SUMS", "checksums") in {(problem.file, problem.check) for problem in problems}


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\xff\xfe", b"x" * 2_000_000, b"0" * 64 + b" README.md\n", b"\x00" * 100]
)
def test_a_list_of_checksums_that_is_none_is_found(folder: Path, content: bytes) -> None:
    (folder / "SHA256SUMS").write_bytes(content)
    assert ("SHA256SUMS", "checksums") in checks(verify_release(folder))


def test_changed_data_with_all_hashes_made_new_still_have_to_be_valid(
    folder: Path, reseal: Callable[[Path], None]
) -> None:
    lines = (folder / CSV).read_text(encoding="utf-8").split("\n")
    cells = lines[1].split(",")
    cells[0] = "7"  # years of age, of which the dictionary wants 18
    lines[1] = ",".join(cells)
    (folder / CSV).write_text("\n".join(lines), encoding="utf-8")
    relink(folder, reseal)
    report = verify_release(folder)
    assert checks(report) == {("datapackage.json", "frictionless"), (CSV, "data"), (PARQUET, "data")}
    assert any("row 1, column AGE" in problem.message for problem in report.problems)
    assert not any("/tmp" in problem.message for problem in report.problems)


def test_data_that_differ_between_csv_and_parquet_are_found(
    folder: Path, reseal: Callable[[Path], None]
) -> None:
    from amlsynth.cohort.tables import read_table, write_table

    frame = read_table(folder / CSV)
    frame.loc[0, "AGE"] = 50 if frame.loc[0, "AGE"] != 50 else 51
    write_table(frame, folder / PARQUET)
    relink(folder, reseal)
    assert checks(verify_release(folder)) == {(PARQUET, "data")}
    write_table(frame.iloc[:50], folder / PARQUET)
    relink(folder, reseal)
    assert checks(verify_release(folder)) == {(PARQUET, "data")}


def test_a_parquet_file_that_is_none_is_found(folder: Path, reseal: Callable[[Path], None]) -> None:
    (folder / PARQUET).write_bytes(b"PAR1" + b"\x00" * 50 + b"PAR1")
    relink(folder, reseal)
    assert not verify_release(folder).ok


def test_gates_that_failed_are_found(folder: Path, reseal: Callable[[Path], None]) -> None:
    def fail(content: Any) -> None:
        content["passed"] = content["gates"][0]["passed"] = False

    edit_json(folder / "gates.json", fail)
    relink(folder, reseal)
    assert checks(verify_release(folder)) == {("gates.json", "gates"), ("decision.json", "decision")}


def test_gates_with_other_figures_than_the_evaluation_are_found(
    folder: Path, reseal: Callable[[Path], None]
) -> None:
    edit_json(folder / "gates.json", lambda content: content["gates"][1].update(value=0.999))
    relink(folder, reseal)
    report = verify_release(folder)
    assert checks(report) == {("gates.json", "gates")}
    assert "another figure of bsm" in report.problems[0].message


def test_hashes_in_the_provenance_that_do_not_agree_are_found(
    folder: Path, reseal: Callable[[Path], None]
) -> None:
    def change(content: Any) -> None:
        content["files"][CSV] = "0" * 64
        del content["files"]["gates.json"]
        content["spec"]["text"] += "# changed\n"
        content["version"] = "1.2.4"
        content["gate_profile"] = "harder"

    edit_json(folder / "provenance.json", change)
    reseal(folder)
    report = verify_release(folder)
    assert checks(report) == {("provenance.json", "provenance")}
    assert len(report.problems) == 5


HOSTILE = {
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "cut": b"{",
    "encoding": b"\xff\xfe\x00",
    "deep list": b"[" * 100_000,
    "deep": b'{"a":' * 50_000,
    "big number": b'{"name": ' + b"9" * 10_000 + b"}",
    "unknown key": b'{"__proto__": {"x": 1}}',
    "nan": b"NaN",
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("datapackage.json", kind) for kind in HOSTILE),
        *((name, "deep") for name in ("provenance.json", "evaluation.json", "gates.json")),
    ],
)
def test_hostile_json_is_a_problem_and_no_crash(
    folder: Path, name: str, kind: str, reseal: Callable[[Path], None]
) -> None:
    (folder / name).write_bytes(HOSTILE[kind])
    reseal(folder)
    assert (name, "record") in checks(verify_release(folder))


@pytest.mark.parametrize(
    "change",
    [
        lambda package: package["resources"][0].update(path="https://example.org/x.csv"),
        lambda package: package["resources"][0].update(path="../../etc/passwd"),
        lambda package: package["resources"][0].update(path=PARQUET),
        lambda package: package["resources"][0].update(schema="https://example.org/schema.json"),
        lambda package: package["resources"][0].update(dialect={"delimiter": ";"}),
        lambda package: package["resources"][0]["schema"].update(missingValues=["0"]),
        lambda package: package["resources"][0]["schema"]["fields"].pop(),
        lambda package: package["resources"][0].update(bytes=1),
        lambda package: package["resources"][1].update(size=1),
        lambda package: package["resources"][1].update(hash="sha256:" + "0" * 64),
        lambda package: package["resources"].pop(),
        lambda package: package.update({"$schema": "https://example.org/own.json"}),
        lambda package: package.update(name="../other"),
        lambda package: package.update(name="other"),
        lambda package: package.update(version="1.2.4"),
        lambda package: package.update(created="2026-02-31T00:00:00Z"),
        lambda package: package.update(profile="tabular-data-package"),
    ],
)
def test_a_descriptor_that_points_elsewhere_is_found(
    folder: Path, change: Callable[[Any], None], reseal: Callable[[Path], None]
) -> None:
    edit_json(folder / "datapackage.json", change)
    reseal(folder)
    report = verify_release(folder)
    assert not report.ok
    assert {problem.check for problem in report.problems} & {"record", "package", "provenance", "missing"}


def test_a_byte_anywhere_in_the_zip_counts(archive: Path) -> None:
    content = archive.read_bytes()
    generator = random.Random(5)
    # Some in the files, and all kinds of headers: local ones at the start, the directory at the end.
    places = [*generator.sample(range(len(content)), 3), 4, 6, 10, 12, 28, len(content) - 1]
    directory = content.index(b"PK\x01\x02")
    places += [directory + offset for offset in (4, 8, 12, 34, 36, 38, 41)]
    for place in places:
        changed = bytearray(content)
        changed[place] ^= 4
        archive.write_bytes(changed)
        assert not verify_release(archive).ok, place


def test_bytes_around_the_zip_count(archive: Path) -> None:
    content = archive.read_bytes()
    for changed in (b"#!" + content, content + b"\0", content[:-1], content[: len(content) // 2], b""):
        archive.write_bytes(changed)
        report = verify_release(archive)
        assert {check for _, check in checks(report)} == {"archive"}


def test_a_zip_packed_again_is_told_from_a_damaged_one(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    with zipfile.ZipFile(again, "w") as zipped:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                zipped.write(path, f"{STEM}/{name}", compress_type=method_of(name))
    report = verify_release(again)
    assert checks(report) == {("again.zip", "archive")}
    assert "unpack it and use the folder" in report.problems[0].message


@pytest.mark.parametrize(("told", "fine"), [("1.3.1.zlib-ng", True), (zlib.ZLIB_RUNTIME_VERSION, False)])
def test_an_archive_that_another_zlib_made_is_in_order(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reseal: Callable[[Path], None],
    told: str, fine: bool,
) -> None:  # fmt: skip
    content = json.loads((folder / "provenance.json").read_text())
    assert content["packages"]["zlib"] == zlib.ZLIB_RUNTIME_VERSION
    content["packages"]["zlib"] = told
    (folder / "provenance.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    write_metadata(folder)
    reseal(folder)
    with monkeypatch.context() as patch:
        other = zlib.compressobj
        patch.setattr("zlib.compressobj", lambda _, *rest: other(1, *rest))
        pack(folder, tmp_path / f"{STEM}.zip")
    report = verify_release(tmp_path / f"{STEM}.zip")
    found = {(problem.file, problem.check) for problem in report.problems}
    assert found == (set() if fine else {(f"{STEM}.zip", "archive")})


def test_another_top_folder_is_found(folder: Path, tmp_path: Path) -> None:
    import datetime

    from amlsynth.release.archive import write_archive

    write_archive(folder, FILES, tmp_path / "x.zip", "other-9.9.9", datetime.date(2026, 11, 20))
    report = verify_release(tmp_path / "x.zip")
    assert checks(report) == {("x.zip", "archive")}
    assert STEM in report.problems[0].message


def test_what_is_not_there_is_a_wrong_call(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder or zip"):
        verify_release(tmp_path / "none")


def test_an_empty_folder_is_no_release(tmp_path: Path) -> None:
    assert checks(verify_release(tmp_path)) == {("SHA256SUMS", "missing")}


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="this system has no /dev/null")
def test_a_device_is_no_release() -> None:
    assert not verify_release(Path("/dev/null")).ok


def test_without_frictionless_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "frictionless", None)
    with pytest.raises(MissingExtraError, match=r"amlsynth\[publish\]"):
        verify_release(folder)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_reads_the_checksums(folder: Path) -> None:
    run = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=folder, capture_output=True
    )
    assert run.returncode == 0, run.stderr


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutated_folder_is_refused_and_nothing_written(built: ReleaseResult, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(built.folder, Path(temporary) / "x"))
        path = folder / data.draw(st.sampled_from(FILES))
        content = path.read_bytes()
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 50)))
        changed = content[:start] + data.draw(st.binary(max_size=50)) + content[end:]
        path.write_bytes(changed)
        before = sorted(Path(temporary).rglob("*"))
        assert verify_release(folder).ok == (changed == content)
        assert sorted(Path(temporary).rglob("*")) == before
