"""The DOI in a release: the same bytes whether the build or the publication writes it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.release.conftest import fake_report

from amlsynth.foundation import files
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import replacing_folder, restore_folder
from amlsynth.loading import load
from amlsynth.release import ReleaseResult, build_release, verify_release
from amlsynth.release.doi import stamp_doi, stamp_release
from amlsynth.release.file_names import METADATA_FILES

DOI = "10.5281/zenodo.1234567"
LINK = f"https://doi.org/{DOI}"
WriteSpec = Callable[..., Path]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("plain_report")
def test_the_doi_stands_in_every_document_that_cites(folder: Path) -> None:
    stamp_doi(folder, DOI)
    assert verify_release(folder).problems == ()
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    assert package["id"] == LINK and package["citation"].endswith(LINK)
    assert yaml.safe_load((folder / "CITATION.cff").read_text(encoding="utf-8"))["doi"] == DOI
    assert (folder / "README.md").read_text(encoding="utf-8").rstrip().endswith(LINK)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count(f'<a href="{LINK}">{LINK}</a>') == 2 and "none yet" not in page
    assert "release with a DOI</span>" in page and "no DOI reserved" not in page
    assert load(folder).attrs["citation"].endswith(LINK)


@pytest.mark.usefixtures("plain_report")
def test_the_report_shows_the_checksums_that_hold(folder: Path) -> None:
    stamp_doi(folder, DOI)
    page = (folder / "report.html").read_text(encoding="utf-8")
    files = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["files"]
    assert all(digest in page for digest in files.values())


@pytest.mark.usefixtures("plain_figures")
def test_only_what_names_the_doi_changes(
    built: ReleaseResult, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder)
    with monkeypatch.context() as patch:
        patch.setattr("amlsynth.report.render_report", fake_report, raising=False)
        stamp_doi(folder, DOI)
    changed = {name for name, content in contents(folder).items() if content != before[name]}
    expected = {
        "datapackage.json",
        "CITATION.cff",
        "README.md",
        "report.html",
        "report.pdf",
        "provenance.json",
        "decision.json",
        "small-test.parquet",
    }
    assert changed == expected | {"SHA256SUMS", *METADATA_FILES}
    with monkeypatch.context() as patch:
        patch.setattr("amlsynth.report.render_report", fake_report, raising=False)
        stamp_doi(folder, "10.5281/zenodo.42")
        stamp_doi(folder, f"https://doi.org/{DOI}")
    again = contents(folder)
    stamp_doi(folder, None)
    assert contents(folder) == before == contents(built.folder)
    assert again != before


@pytest.mark.usefixtures("same_evaluation", "plain_figures")
def test_a_build_with_the_doi_gives_the_same_bytes(
    folder: Path, archive: Path, tmp_path: Path, write_spec: WriteSpec
) -> None:
    rebuilt = build_release(write_spec(tmp_path / "spec"), tmp_path / "rebuilt", doi=DOI)
    stamp_release(folder, archive, DOI)
    assert contents(folder) == contents(rebuilt.folder)
    assert archive.read_bytes() == rebuilt.archive.read_bytes()
    assert verify_release(archive).problems == ()


@pytest.mark.parametrize("doi", ["zenodo.1", "10.1/x", "https://zenodo.org/records/1", "10.5281/a b", ""])
def test_what_is_no_doi_is_refused(folder: Path, tmp_path: Path, write_spec: WriteSpec, doi: str) -> None:
    before = contents(folder)
    with pytest.raises(UsageError, match="is no DOI"):
        stamp_doi(folder, doi)
    assert contents(folder) == before
    with pytest.raises(UsageError, match="is no DOI"):
        build_release(write_spec(tmp_path / "spec"), tmp_path / "out", doi=doi)


def test_documents_of_another_amlsynth_are_not_changed(
    folder: Path, archive: Path, reseal: Callable[[Path], None]
) -> None:
    with (folder / "README.md").open("a", encoding="utf-8") as stream:
        stream.write("\nAs an older template said it.\n")
    reseal(folder)
    before = contents(folder)
    with pytest.raises(DataError, match="Build the release again"):
        stamp_release(folder, archive, DOI)
    assert contents(folder) == before


def test_a_report_without_a_place_for_it_is_not_changed(
    folder: Path, archive: Path, reseal: Callable[[Path], None]
) -> None:
    (folder / "report.html").write_text("<html></html>", encoding="utf-8")
    reseal(folder)
    before = contents(folder)
    with pytest.raises(DataError, match="Build the release again"):
        stamp_release(folder, archive, DOI)
    assert contents(folder) == before


@pytest.mark.usefixtures("plain_report")
def test_where_files_cannot_be_linked_they_are_copied(
    folder: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("os.link", no_links)
    stamp_release(folder, archive, DOI)
    assert verify_release(folder).problems == ()


def test_a_folder_that_was_moved_aside_comes_back(tmp_path: Path) -> None:
    """As after a kill between the two renames of a swap."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    aside = tmp_path / f".release.{files._MARK}{files._host()}-{gone.pid}-x{files._ASIDE}"
    aside.mkdir()
    (aside / "file").write_text("x")
    restore_folder(tmp_path / "release")
    assert (tmp_path / "release" / "file").read_text() == "x"
    restore_folder(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_an_interrupted_swap_leaves_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "file").write_text("old")
    plain = Path.rename
    calls = 0

    def second_fails(self: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return plain(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", second_fails)
        with pytest.raises(KeyboardInterrupt), replacing_folder(folder) as temporary:
            (temporary / "file").write_text("new")
    assert (folder / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["release"]
