"""What changed between two releases, the least step, and what the changelog makes of it."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.release.conftest import neither_evaluated_nor_drawn

from amlsynth.cli import main
from amlsynth.dictionary.carried import read_carried
from amlsynth.dictionary.codebook import codebook
from amlsynth.dictionary.model import dictionary
from amlsynth.evaluation import read_evaluation
from amlsynth.evaluation.records import Figure
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import sha256
from amlsynth.release import ReleaseResult, build_release, compare_releases, verify_release
from amlsynth.release.changes import Step
from amlsynth.release.compare import ReleaseDiff, difference
from amlsynth.release.metadata import write_metadata
from amlsynth.release.package import DataPackage
from amlsynth.release.released import Released, read_released, read_verified

NAME = "small-test"
WriteSpec = Callable[..., Path]
Edit = Callable[[list[dict[str, Any]]], Any]


@pytest.fixture(scope="module")
def old(built: ReleaseResult) -> Released:
    return read_released(built.folder)


def with_fields(release: Released, edit: Edit, version: str = "9.0.0") -> Released:
    """The release with a changed Table Schema."""
    content = copy.deepcopy(release.package.model_dump(by_alias=True, mode="json"))
    content["version"] = version
    for resource in content["resources"]:
        edit(resource["schema"]["fields"])
    return dataclasses.replace(release, package=DataPackage.model_validate(content))


def field(fields: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(found for found in fields if found["name"] == name)


def constrain(name: str, **changes: Any) -> Edit:
    def edit(fields: list[dict[str, Any]]) -> None:
        constraints = field(fields, name).setdefault("constraints", {})
        for key, value in changes.items():
            if value is None:
                constraints.pop(key, None)
            else:
                constraints[key] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "step", "text"),
    [
        (lambda fields: fields.pop(0), "MAJOR", "AGE was removed"),
        (lambda fields: fields.append({"name": "NEW", "type": "integer"}), "MAJOR", "NEW was added"),
        (lambda fields: fields.insert(5, fields.pop()), "MAJOR", "order of the fields"),
        (lambda fields: field(fields, "AGE").update(name="AGEDX"), "MAJOR", "AGE is now called AGEDX"),
        (lambda fields: field(fields, "AGE").update(type="number"), "MAJOR", "type of AGE is number"),
        (lambda fields: field(fields, "HB").update(unit="g/dl"), "MAJOR", "unit of HB is g/dl, was mmol/l"),
        (constrain("AGE", minimum=20), "MAJOR", "minimum of AGE is tighter: 20, was 18"),
        (constrain("AGE", minimum=0), "MINOR", "minimum of AGE is looser: 0, was 18"),
        (constrain("AGE", minimum=None), "MINOR", "minimum of AGE is looser: none, was 18"),
        (constrain("AGE", maximum=100), "MAJOR", "maximum of AGE is tighter: 100, was 110"),
        (constrain("AGE", maximum=120), "MINOR", "maximum of AGE is looser: 120, was 110"),
        (constrain("OSTM", minimum=-1.0), "MINOR", "looser: -1, was 0"),
        (constrain("WBC", exclusiveMinimum=0.0, minimum=None), "MAJOR", "tighter: above 0"),
        (constrain("AGE", required=True), "MAJOR", "required of AGE is True"),
        (constrain("SEX", enum=["female"]), "MAJOR", "SEX may no longer be male"),
        (constrain("SEX", enum=["female", "male", "diverse"]), "MINOR", "SEX may also be diverse"),
        (constrain("SEX", enum=["male", "female"]), "PATCH", "another order"),
        (constrain("SEX", enum=None), "MINOR", "no longer limited"),
        (constrain("AGE", enum=[18]), "MAJOR", "AGE is limited to a list"),
        (constrain("AGE", pattern="x"), "MAJOR", "pattern of AGE is x, was nothing"),
        (lambda fields: field(fields, "AGE").update(description="?"), "PATCH", "description of AGE changed"),
    ],
)
def test_every_change_of_a_field_has_its_step(old: Released, edit: Edit, step: str, text: str) -> None:
    diff = difference(old, with_fields(old, edit))
    found = [change for change in diff.changes if text in change.text]
    assert [change.step.name for change in found] == [step], diff.changes
    assert found[0].area == "fields"
    assert diff.least_step is Step[step]


def rows(release: Released, change: Callable[[pd.DataFrame], pd.DataFrame], **spec: Any) -> Released:
    made = release.spec | spec
    return dataclasses.replace(
        with_fields(release, lambda _: None), rows=change(release.rows.copy()), spec=made
    )


def aged(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[3, "AGE"] = 77 if frame.loc[3, "AGE"] != 77 else 78
    return frame


@pytest.mark.parametrize(
    ("change", "spec", "step", "text"),
    [
        (lambda f: pd.concat([f, f.head(2)], ignore_index=True), {}, "MINOR", "2 were added"),
        (lambda f: f.iloc[5:].reset_index(drop=True), {}, "MAJOR", "5 were removed"),
        (lambda f: f.iloc[::-1].reset_index(drop=True), {}, "PATCH", "another order"),
        (aged, {}, "PATCH", "1 of 40 are new or changed, corrected"),
        (aged, {"split": {"seed": 9}}, "MINOR", "1 of 40 are new or changed, made anew"),
    ],
)
def test_every_change_of_rows_has_its_step(
    old: Released, change: Callable[[pd.DataFrame], pd.DataFrame], spec: dict[str, Any], step: str, text: str
) -> None:
    diff = difference(old, rows(old, change, **spec))
    found = [item for item in diff.changes if item.area == "rows" and text in item.text]
    assert [item.step.name for item in found] == [step], diff.changes
    assert diff.least_step is Step[step]


@pytest.mark.parametrize(
    ("rules", "step", "text"),
    [
        ({"a": ("says", "error")}, "MAJOR", "a is new (says)"),
        ({"efs_not_after_os": None}, "MINOR", "efs_not_after_os no longer applies"),
        ({"efs_not_after_os": ("other words", "error")}, "PATCH", "now says: other words"),
        ({"efs_not_after_os": ("x", "warning")}, "MINOR", "is now a warning in synthetic data"),
    ],
)
def test_every_change_of_a_rule_has_its_step(
    old: Released, rules: dict[str, tuple[str, str] | None], step: str, text: str
) -> None:
    assert len(old.rules) == 15
    changed = {key: value for key, value in (old.rules | rules).items() if value is not None}
    new = dataclasses.replace(with_fields(old, lambda _: None), rules=changed)
    diff = difference(old, new)
    assert any(text in change.text and change.area == "rules" for change in diff.changes)
    assert diff.least_step is Step[step]


@pytest.mark.parametrize(("licence", "step"), [("CC0-1.0", "MINOR"), ("Proprietary", "MAJOR")])
def test_another_licence(old: Released, licence: str, step: str) -> None:
    new = with_fields(old, lambda _: None)
    named = new.package.licenses[0].model_copy(update={"name": licence})
    package = new.package.model_copy(update={"licenses": (named,)})
    assert difference(old, dataclasses.replace(new, package=package)).least_step is Step[step]


def test_nothing_changed(old: Released) -> None:
    diff = difference(old, with_fields(old, lambda _: None, "1.2.4"))
    assert diff.changes == () and diff.least_step is Step.PATCH and diff.is_satisfied
    assert "Nothing changed but version and date." in diff.sentences()


@pytest.mark.parametrize(
    ("old_version", "new_version", "step", "least", "satisfied"),
    [
        ("1.2.3", "1.2.4", "PATCH", "1.2.4", True),
        ("1.2.3", "1.2.9", "PATCH", "1.2.4", True),
        ("1.2.3", "1.2.4", "MINOR", "1.3.0", False),
        ("1.2.3", "1.3.0", "MINOR", "1.3.0", True),
        ("1.2.3", "1.9.9", "MAJOR", "2.0.0", False),
        ("1.2.3", "2.0.0", "MAJOR", "2.0.0", True),
        ("1.2.3", "2.0.0-rc.1", "MAJOR", "2.0.0", True),
        ("2.0.0-rc.1", "2.0.0-rc.2", "MAJOR", "2.0.0", True),
        ("2.0.0-rc.1", "2.0.0", "MAJOR", "2.0.0", True),
        ("0.1.0", "0.2.0", "MAJOR", "0.2.0", True),
        ("0.1.0", "0.1.1", "MAJOR", "0.2.0", False),
        ("1.2.3", "1.2.3", "PATCH", "1.2.4", False),
        ("1.2.3", "1.2.2", "PATCH", "1.2.4", False),
    ],
)
def test_steps_and_versions(
    old_version: str, new_version: str, step: str, least: str, satisfied: bool
) -> None:
    from amlsynth.release.changes import Change
    from amlsynth.release.versions import Version

    changes = (Change("fields", Step[step], "something"),)
    diff = ReleaseDiff("x", Version(old_version), Version(new_version), changes)
    assert (diff.least_version, diff.is_satisfied) == (least, satisfied)
    if not satisfied:
        with pytest.raises(DataError, match=f"wrong version step.*{least}"):
            diff.raise_if_unsatisfied()


def test_two_data_sets_are_not_compared(old: Released) -> None:
    package = old.package.model_copy(update={"name": "another"})
    with pytest.raises(UsageError, match="two data sets"):
        difference(old, dataclasses.replace(old, package=package))


@pytest.fixture(scope="module")
def newer(
    built: ReleaseResult, tmp_path_factory: pytest.TempPathFactory, write_spec: WriteSpec
) -> ReleaseResult:
    """Version 1.3.0 of the small release: other seed and parameter, more patients, half of every figure."""
    found = read_evaluation(built.folder / "evaluation.json")
    measures = [
        measure.model_copy(update={"figures": {key: _half(one) for key, one in measure.figures.items()}})
        for measure in found.measures
    ]
    as_many = found.synthetic.model_copy(update={"n": 60})
    found = found.model_copy(update={"measures": tuple(measures), "synthetics": (as_many,)})
    folder = tmp_path_factory.mktemp("newer")
    changes = {
        "version": "1.3.0",
        "changes": ["More patients."],
        "generator": {"name": "sequential-cart", "params": {"min_leaf": 20}, "n": 60, "seed": 8},
        "previous": "old.zip",
    }
    spec = write_spec(folder / "spec", **changes)
    shutil.copy(built.archive, folder / "spec" / "old.zip")
    with neither_evaluated_nor_drawn(found):
        return build_release(spec, folder / "out")


def _half(one: Figure) -> Figure:
    return one if one.value is None else one.model_copy(update={"value": one.value / 2})


def test_the_changelog_says_what_changed_and_keeps_the_older_entries(newer: ReleaseResult) -> None:
    text = (newer.folder / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = [line for line in text.splitlines() if line.startswith("##")]
    assert headings == ["## 1.3.0, 2026-11-20", "### Compared with 1.2.3", "## 1.2.3, 2026-11-20"]
    assert "- More patients." in text and "- First version." in text
    assert "- rows:\n  - 60 patients, were 40\n" in text
    assert "- parameters: min_leaf is 20, was the default\n" in text
    assert "- seeds: that of the generator is 8, was 3\n" in text
    assert "- measures:\n" in text and " more\n" in text
    assert verify_release(newer.archive).problems == ()
    previous = json.loads((newer.folder / "provenance.json").read_text(encoding="utf-8"))["previous"]
    assert previous["version"] == "1.2.3"


def test_the_command_line(
    built: ReleaseResult, newer: ReleaseResult, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: object) -> int:
        with pytest.raises(SystemExit) as caught:
            main(["release", "diff", *map(str, arguments)])
        return int(caught.value.code or 0)

    assert run(built.archive, newer.folder) == 0
    out = capsys.readouterr().out
    assert out.startswith("small-test: 1.2.3 to 1.3.0\n")
    assert "Least step: minor, so 1.3.0 or later; 1.3.0 does satisfy it." in out
    assert run(newer.folder, built.archive, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["satisfied"] is False and found["least_version"] == "1.4.0"
    assert {"area", "step", "text"} == set(found["changes"][0])


def test_a_release_that_is_not_in_order_is_refused(built: ReleaseResult, folder: Path) -> None:
    (folder / "README.md").write_text("x", encoding="utf-8")
    with pytest.raises(DataError, match=r"not a release in order: README\.md"):
        compare_releases(folder, built.archive)
    with pytest.raises(UsageError, match="no such folder or zip"):
        compare_releases(folder / "none", built.archive)


def test_a_release_of_another_dictionary_is_compared(
    built: ReleaseResult, folder: Path, reseal: Callable[[Path], None]
) -> None:
    """A release whose dictionary allowed more is verified against its own."""
    own = folder / "dictionary.yaml"
    text = own.read_text(encoding="utf-8")
    assert "minimum: 18.0" in text
    own.write_text(text.replace("minimum: 18.0", "minimum: 0.0", 1), encoding="utf-8")
    path = folder / "datapackage.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for resource in content["resources"]:
        field(resource["schema"]["fields"], "AGE")["constraints"]["minimum"] = 0
    path.write_text(json.dumps(content), encoding="utf-8")
    book = folder / "CODEBOOK.md"
    book.write_text(codebook(read_carried(own)), encoding="utf-8")
    made = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    for name in (path.name, own.name):
        made["files"][name] = sha256(folder / name)
    (folder / "provenance.json").write_text(json.dumps(made), encoding="utf-8")
    write_metadata(folder)
    reseal(folder)
    assert not verify_release(folder, dictionary()).ok
    diff = difference(read_verified(folder), read_verified(built.folder))
    assert [change.text for change in diff.changes] == ["the minimum of AGE is tighter: 18, was 0"]


def test_a_table_schema_that_makes_no_sense_is_told(old: Released) -> None:
    for edit in (constrain("AGE", minimum="many"), lambda fields: fields.append({"title": "no name"})):
        with pytest.raises(DataError, match="cannot be compared"):
            difference(old, with_fields(old, edit))


@pytest.mark.parametrize("text", ["a: &a [x, x]\nb: *a\n", "[" * 1200, "name: ["])
def test_a_hostile_spec_in_a_release_is_told(
    built: ReleaseResult, folder: Path, reseal: Callable[[Path], None], text: str
) -> None:
    made = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    made["spec"] |= {"text": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    (folder / "provenance.json").write_text(json.dumps(made), encoding="utf-8")
    write_metadata(folder)  # which lists the provenance with its checksum
    reseal(folder)
    assert verify_release(folder).ok
    with pytest.raises(DataError, match="cannot be compared"):
        compare_releases(built.folder, folder)


@pytest.mark.usefixtures("fast")
def test_a_version_that_is_too_small_a_step_is_not_built(
    built: ReleaseResult, tmp_path: Path, write_spec: WriteSpec
) -> None:
    generator = {"name": "sequential-cart", "n": 40, "seed": 99}
    spec = write_spec(tmp_path / "spec", version="1.2.4", generator=generator)
    with pytest.raises(DataError, match=r"wrong version step.*1\.3\.0 or later"):
        build_release(spec, tmp_path / "out", previous=built.folder)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"version": "1.2.3"}, "is not before 1.2.3"),
        ({"version": "1.0.0"}, "is not before 1.0.0"),
        ({"name": "other", "version": "2.0.0"}, "a release of small-test, not of other"),
    ],
)
def test_a_previous_version_that_is_none(
    built: ReleaseResult, tmp_path: Path, write_spec: WriteSpec, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        build_release(write_spec(tmp_path / "spec", **changes), tmp_path / "out", previous=built.archive)
    assert not (tmp_path / "out").exists()
