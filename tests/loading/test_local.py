"""Loading a local release: by path and by name, and wrong bytes refused."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from amlsynth.cohort.cohort import About, Cohort
from amlsynth.dictionary.model import dictionary
from amlsynth.foundation import parquet
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.loading import SEARCH_VARIABLE, load, local_releases
from amlsynth.release import verify_release
from amlsynth.release.checksums import write_checksums

Write = Callable[..., Path]
Zip = Callable[[Path], Path]


def test_a_folder_and_a_zip_give_the_typed_frame(folder: Path, patients: pd.DataFrame, zipped: Zip) -> None:
    for path in (folder, str(folder), zipped(folder), str(zipped(folder))):
        frame = load(path)
        pd.testing.assert_frame_equal(frame, patients)
        assert tuple(frame.columns) == dictionary().names
        assert frame.attrs == {
            "name": "small",
            "version": "1.0.0",
            "title": "A small cohort",
            "statement": "These are synthetic.",
            "original_is_simulated": True,
            "license": "CC0-1.0",
            "citation": "Nobody, 1.0.0",
            "doi": None,
        }


def test_a_name_finds_the_newest_version(
    folder: Path, here: Path, patients: pd.DataFrame, write_release: Write
) -> None:
    for version in ("1.9.0", "1.10.0", "2.0.0-rc.1"):
        write_release(here, patients, version=version)
    write_release(here, patients, name="small-one", version="9.0.0")
    assert load("small").attrs["version"] == "1.10.0"
    assert load("small@1.9.0").attrs["version"] == "1.9.0"
    assert load("small", "2.0.0-rc.1").attrs["version"] == "2.0.0-rc.1"
    assert load("small-one").attrs["version"] == "9.0.0"
    found = [(r.name, str(r.version)) for r in local_releases() if r.name != "aml-reference"]
    assert found == [
        ("small", "1.0.0"),
        ("small", "1.9.0"),
        ("small", "1.10.0"),
        ("small", "2.0.0-rc.1"),
        ("small-one", "9.0.0"),
    ]


def test_only_a_pre_release_is_better_than_nothing(
    here: Path, patients: pd.DataFrame, write_release: Write
) -> None:
    write_release(here, patients, version="1.0.0-rc.2")
    write_release(here, patients, version="1.0.0-rc.10")
    assert load("small").attrs["version"] == "1.0.0-rc.10"


def test_the_folders_of_the_environment_come_first(
    folder: Path,
    tmp_path: Path,
    patients: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    write_release: Write,
    zipped: Zip,
) -> None:
    other = write_release(tmp_path / "other", patients.iloc[:10])
    third = zipped(write_release(tmp_path / "third", patients, version="3.0.0"))
    shutil.rmtree(third.with_suffix(""))
    monkeypatch.setenv(
        SEARCH_VARIABLE, os.pathsep.join(map(str, (tmp_path / "none", other.parent, third.parent)))
    )
    assert len(load("small", "1.0.0")) == 10
    assert load("small").attrs["version"] == "3.0.0"


def test_an_unknown_name_names_the_nearest_and_the_places(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"no release 'smal' in .* releases. Did you mean 'small'\?"):
        load("smal")


def test_an_unknown_version_names_those_there_are(
    folder: Path, here: Path, patients: pd.DataFrame, write_release: Write
) -> None:
    write_release(here, patients, version="1.10.0")
    with pytest.raises(UsageError, match=r"no version '3.0.0' of small .* Versions: 1.0.0, 1.10.0\."):
        load("small@3.0.0")


def test_two_different_versions_are_a_wrong_call(folder: Path) -> None:
    with pytest.raises(UsageError, match="given twice"):
        load("small@1.0.0", "2.0.0")


@pytest.mark.parametrize("name", ["no/such/path", "none.zip", "Small", "", "a@", "x\x00y", "../up"])
def test_what_is_neither_path_nor_name_is_refused(here: Path, name: str) -> None:
    with pytest.raises(UsageError):
        load(name)


def test_what_file_managers_leave_in_a_folder_does_not_hinder(folder: Path, patients: pd.DataFrame) -> None:
    for name in (".DS_Store", "data/Thumbs.db", "data/desktop.ini", "._README.md", "data/._small.csv"):
        (folder / name).write_bytes(b"\x00")
    pd.testing.assert_frame_equal(load(folder), patients)
    (folder / "notes.txt").touch()
    with pytest.raises(DataError, match=r"notes\.txt: .*no part of the release, so remove it") as caught:
        load(folder)
    assert "Download" not in str(caught.value)


@pytest.mark.parametrize("packed", [False, True])
def test_a_full_place_for_temporary_files_is_not_called_a_bad_release(
    folder: Path, zipped: Callable[[Path], Path], packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amlsynth.release import archive, integrity

    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    release = zipped(folder) if packed else folder
    monkeypatch.setattr(archive, "_write", full) if packed else monkeypatch.setattr(
        integrity, "copy_file", full
    )
    for read in (load, verify_release):
        with pytest.raises(UsageError, match=r"no room for temporary files .*TMPDIR"):
            read(release)


def test_a_folder_without_checksums_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no release folder or zip"):
        load(tmp_path)


def test_a_path_with_another_version_than_asked_for_is_refused(folder: Path) -> None:
    assert len(load(folder, "1.0.0")) == 40
    with pytest.raises(UsageError, match=r"this is small 1.0.0, not small 2.0.0"):
        load(folder, "2.0.0")


def test_a_release_under_a_wrong_name_is_refused(folder: Path) -> None:
    folder.rename(folder.with_name("small-7.0.0"))
    with pytest.raises(DataError, match=r"this is small 1.0.0, not small 7.0.0"):
        load("small")


@pytest.mark.parametrize("name", ["data/small.parquet", "datapackage.json", "SHA256SUMS"])
@pytest.mark.parametrize("packed", [False, True])
def test_wrong_bytes_are_refused(folder: Path, name: str, packed: bool, zipped: Zip) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    path = zipped(folder) if packed else folder
    for verify in (True, False):
        with pytest.raises(DataError) as caught:
            load(path, verify=verify)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["data/small.parquet", "datapackage.json"])
def test_a_missing_file_is_refused(folder: Path, name: str, zipped: Zip) -> None:
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{name}: .* missing"):
        load(folder)
    with pytest.raises(DataError, match="missing"):
        load(zipped(folder))


def test_a_link_in_place_of_the_data_is_refused(folder: Path, tmp_path: Path) -> None:
    parquet = folder / "data" / "small.parquet"
    shutil.move(parquet, tmp_path / "x.parquet")
    parquet.symlink_to(tmp_path / "x.parquet")
    with pytest.raises(DataError, match="a link or special file"):
        load(folder)


def test_a_damaged_zip_is_refused(folder: Path, zipped: Zip) -> None:
    archive = zipped(folder)
    archive.write_bytes(archive.read_bytes()[:500])
    with pytest.raises(DataError, match="damaged or cut off"):
        load(archive)


def test_data_that_break_the_dictionary_are_refused(
    here: Path, patients: pd.DataFrame, write_release: Write
) -> None:
    wrong = patients.copy()
    wrong.loc[3, "AGE"] = 12
    folder = write_release(here, wrong)
    with pytest.raises(DataError, match="row 4, column AGE"):
        load(folder)
    assert len(load(folder, verify=False)) == 40


def test_a_package_of_another_form_is_refused(folder: Path) -> None:
    path = folder / "datapackage.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["resources"][1]["path"] = "../../elsewhere.parquet"
    path.write_text(json.dumps(content | {"more": 1}), encoding="utf-8")
    write_checksums(folder)
    with pytest.raises(DataError, match=r"datapackage.json is not as this version .* more"):
        load(folder)


def test_nothing_is_left_of_the_unpacked_zip(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: Zip
) -> None:
    archive = zipped(folder)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    load(archive)
    assert list(scratch.iterdir()) == []


def test_loading_imports_nothing_heavy(folder: Path) -> None:
    code = (
        "import sys, amlsynth\n"
        f"amlsynth.load({str(folder)!r})\n"
        "heavy = {'torch', 'sklearn', 'lifelines', 'matplotlib', 'frictionless', 'statsmodels', 'pooch'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_what_is_loaded_can_be_a_cohort_again(folder: Path) -> None:
    about = About(name="small", title="Small", simulated=True, statement="Synthetic.")
    assert Cohort.create(load(folder), "synthetic", about).n == 40


def test_the_bytes_of_the_release_stay_as_they_are(folder: Path) -> None:
    def digests() -> dict[str, str]:
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }

    before = digests()
    load(folder)
    assert digests() == before


def test_what_was_validated_is_not_validated_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(folder)

    def never(*_: object) -> None:
        raise AssertionError("validated again")

    monkeypatch.setattr("amlsynth.cohort.validation.validate", never)
    pd.testing.assert_frame_equal(load(folder), first)
    moved = folder.rename(folder.with_name("elsewhere"))
    again = load(moved)
    pd.testing.assert_frame_equal(again, first)
    assert again.attrs == first.attrs
    monkeypatch.setattr("amlsynth.loading.reading._dictionary_digest", lambda: "another dictionary")
    with pytest.raises(AssertionError, match="validated again"):
        load(moved)


def test_a_table_is_read_apart_once_for_its_bytes(
    folder: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart: list[object] = []
    run = subprocess.run
    monkeypatch.setattr(parquet, "_read_before", set())
    monkeypatch.setattr(parquet.subprocess, "run", lambda *a, **k: apart.append(a) or run(*a, **k))
    for cache in ("one", "two"):
        load(folder, cache=here.parent / cache)
    assert len(apart) == 1
    content = (folder / "data" / "small.parquet").read_bytes()
    parquet.try_reading(folder / "data" / "small.parquet", 63, 41)  # other bounds
    (here / "other.parquet").write_bytes(content[:-1])
    with pytest.raises(DataError):
        parquet.try_reading(here / "other.parquet", 63, 40)
    assert len(apart) == 3


@pytest.mark.parametrize("packed", [False, True])
def test_a_release_that_was_checked_once_is_still_refused_when_it_changes(
    folder: Path, zipped: Zip, packed: bool
) -> None:
    path = zipped(folder) if packed else folder
    load(path)
    target = path if packed else folder / "data" / "small.csv"  # which is not even read
    content = target.read_bytes()
    target.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    with pytest.raises(DataError):
        load(path)
    target.write_bytes(content)
    assert len(load(path)) == 40
    if not packed:
        (folder / "more").write_bytes(b"")
        with pytest.raises(DataError, match="more: the file is not listed"):
            load(path)


def test_data_are_hashed_on_every_load(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amlsynth.loading.reading._signature", lambda path: "always the same")
    load(folder)
    parquet = folder / "data" / "small.parquet"
    parquet.write_bytes(parquet.read_bytes().replace(b"female", b"femalf", 1))
    with pytest.raises(DataError, match="the bytes are not those"):
        load(folder)


def test_a_damaged_marker_is_made_again(folder: Path, here: Path) -> None:
    load(folder)
    markers = list((here.parent / "cache").rglob("*.json"))
    assert markers
    for content in (b"", b"[]", b"\xff", b'{"made_by": 1}', b"[" * 100_000):
        for marker in markers:
            marker.write_bytes(content)
        assert len(load(folder)) == 40


def test_a_cache_that_cannot_be_written_does_not_keep_from_loading(folder: Path, here: Path) -> None:
    (here.parent / "cache").write_text("a file in its place")
    assert len(load(folder)) == 40
    assert len(load("small")) == 40


def test_a_parquet_file_that_claims_more_rows_than_the_csv_is_refused(
    folder: Path, patients: pd.DataFrame
) -> None:
    from amlsynth.cohort.tables import write_table

    write_table(pd.concat([patients] * 9, ignore_index=True), folder / "data" / "small.parquet")
    path = folder / "datapackage.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    digest = hashlib.sha256((folder / "data" / "small.parquet").read_bytes()).hexdigest()
    content["resources"][1]["hash"] = f"sha256:{digest}"
    path.write_text(json.dumps(content), encoding="utf-8")
    write_checksums(folder)
    with pytest.raises(DataError, match="360 rows where 40 were expected"):
        load(folder)


def test_a_digest_can_be_asked_for(folder: Path, zipped: Zip) -> None:
    archive = zipped(folder)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert len(load(archive, sha256=digest.upper())) == 40
    with pytest.raises(DataError, match="its SHA-256 is"):
        load(archive, sha256="0" * 64)
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        load(archive, sha256="abc")
    with pytest.raises(UsageError, match="this is a folder"):
        load(folder, sha256=digest)
