"""The release spec: what is refused, and that the sentence names file, line and remedy."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from amlsynth.dictionary.model import dictionary
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import UsageError
from amlsynth.release.describing import describe_package
from amlsynth.release.spec import ReleaseSpec, check_generator, license_text, read_spec

CONTENT: dict[str, Any] = {
    "name": "a-cohort",
    "version": "1.0.0",
    "title": "A cohort",
    "description": "Text.",
    "date": "2026-11-20",
    "license": "CC0-1.0",
    "creators": [{"name": "Family, Given"}],
    "cohort": {"source": "reference", "n": 100, "seed": 0},
    "split": {"seed": 0},
    "generator": {"name": "sequential-cart", "n": 100, "seed": 0},
    "evaluation": {"seed": 0},
    "gates": {"profile": "research"},
    "changes": ["First."],
}


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(CONTENT | changes, sort_keys=False), encoding="utf-8")
    return path


def test_the_published_spec_reads() -> None:
    spec = read_spec(asset("release/aml-reference.yaml"))
    assert spec.stem == "aml-reference-1.0.0"
    check_generator(spec, asset("release/aml-reference.yaml"), dictionary())


def test_a_spec_reads_with_defaults(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path))
    assert spec.date == datetime.date(2026, 11, 20)
    assert spec.split.holdout == 0.2
    assert spec.keywords == ()


@pytest.mark.parametrize(
    ("changes", "line", "problem"),
    [
        ({"name": "A Cohort"}, 1, "pattern"),
        ({"name": "../up"}, 1, "pattern"),
        ({"version": "1.0"}, 2, "MAJOR.MINOR.PATCH"),
        ({"version": 1.0}, 2, "in quotes"),
        ({"title": "two\nlines"}, 3, "one line"),
        ({"title": ""}, 3, "at least 1 character"),
        ({"description": "bell \x07"}, 4, "control characters"),
        ({"date": "20.11.2026"}, 5, "isoformat"),
        ({"date": 20261120}, 5, "YYYY-MM-DD"),
        ({"date": "1879-03-14"}, 5, "from 1980"),
        ({"license": "MIT"}, 6, "CC-BY-4.0, CC0-1.0"),
        ({"license": "cc-by-4.0"}, 6, "Did you mean 'CC-BY-4.0'?"),
        ({"creators": []}, 7, "at least 1 item"),
        ({"creators": [{"name": "A", "orcid": "0000-0002-1825-0098"}]}, 9, "last digit"),
        ({"creators": [{"name": "A", "orcid": "12"}]}, 9, "0000-0002-1825-0097"),
        ({"creators": [{"name": "A", "ror": "01ggx4158"}]}, 9, "last two digits"),
        ({"creators": [{"name": "A", "ror": "CERN"}]}, 9, "ror.org shows it"),
        ({"creators": [{"name": "A, B", "ror": "01ggx4157"}]}, 9, "name it as the affiliation"),
        ({"creators": [{"nmae": "A"}]}, 8, "Did you mean 'name'?"),
        ({"cohort": {"source": "reference", "n": 100}}, 10, "needs the key 'seed'"),
        ({"cohort": {"source": "file"}}, 10, "needs the key 'path'"),
        ({"cohort": {"source": "amlsg", "n": 5}}, 11, "takes folder, not n"),
        ({"cohort": {"source": "web"}}, 10, "'reference', 'amlsg' or 'file'"),
        ({"cohort": {"source": "file", "path": "/data/x.csv"}}, 11, "relative to the folder of the spec"),
        ({"cohort": {"source": "file", "path": "C:\\x.csv"}}, 11, "relative to the folder of the spec"),
        ({"cohort": {"source": "file", "path": "~/x.csv"}}, 11, "relative to the folder of the spec"),
        ({"cohort": {"source": "reference", "n": True, "seed": 0}}, 11, "valid integer"),
        ({"cohort": {"source": "reference", "n": 0, "seed": 0}}, 11, "greater than or equal to 1"),
        ({"split": {"seed": -1}}, 13, "greater than or equal to 0"),
        ({"split": {"seed": 1, "holdout": 0.9}}, 15, "less than or equal to 0.5"),
        ({"generator": {"name": "sequential-cart", "n": "many", "seed": 0}}, 17, "valid integer"),
        ({"gates": {"profil": "research"}}, 21, "Did you mean 'profile'?"),
        ({"changes": []}, 22, "at least 1 item"),
        ({"licence": "CC0-1.0"}, 24, "Did you mean 'license'?"),
        ({"date": None}, 5, "YYYY-MM-DD"),
        ({"related_identifiers": [{"identifier": "paper 7", "relation": "cites"}]}, 25, "write a DOI"),
        ({"related_identifiers": [{"identifier": "10.1/x", "relation": "cites"}]}, 25, "write a DOI"),
        ({"related_identifiers": [{"identifier": "10.1038/x", "relation": "Cites"}]}, 26, "'cites'"),
        ({"related_identifiers": [{"identifier": "10.1038/x"}]}, 25, "'relation' is missing"),
        ({"communities": ["Big Community"]}, 25, "pattern"),
        ({"contributors": [{"name": "A"}]}, 25, "'type' is missing"),
        ({"contributors": [{"name": "A", "type": "Boss"}]}, 26, "'ContactPerson'"),
        ({"contributors": [{"name": "A", "type": "Other", "orcid": "12"}]}, 27, "write the ORCID"),
        ({"previous": "/releases/a-cohort-0.9.0.zip"}, 24, "relative to the folder of the spec"),
    ],
)
def test_a_wrong_spec_is_refused_with_its_line(
    tmp_path: Path, changes: dict[str, Any], line: int, problem: str
) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(UsageError) as caught:
        read_spec(path)
    assert problem in str(caught.value)
    lines = [int(text.removeprefix(f"{path}:").split(":")[0]) for text in str(caught.value).split("\n")]
    # The line where the key stands, or, where it is an entry of a list or mapping, where that starts.
    assert any(abs(found - line) <= 1 for found in lines), str(caught.value)


def test_a_list_whose_entries_are_wrong_is_not_called_too_short(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="last digit") as caught:
        read_spec(write(tmp_path, creators=[{"name": "A", "orcid": "0000-0002-1825-0098"}]))
    assert len(str(caught.value).split("\n")) == 1
    with pytest.raises(UsageError, match=r"creators: .*at least 1"):
        read_spec(write(tmp_path, creators=[]))


@pytest.mark.parametrize("key", list(CONTENT))
def test_every_key_is_asked_for(tmp_path: Path, key: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in CONTENT.items() if k != key}), encoding="utf-8")
    with pytest.raises(UsageError, match=f"the key '{key}' is missing"):
        read_spec(path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("- a\n- b\n", "valid dictionary"),
        ("just text", "valid dictionary"),
        ("name: [", "not valid YAML"),
        ("name: !!python/object/apply:os.system [exit]\n", "not valid YAML"),
        ("name: !!python/name:os.system\n", "not valid YAML"),
        ("a: &a [x, x]\nb: *a\n", "aliases"),
        ("name: a\nname: b\n", "stands twice"),
        ("[" * 1200, "nest"),
    ],
)
def test_empty_broken_and_hostile_yaml_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_spec(path)
    assert problem in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_spec_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_spec(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("generator", "problem"),
    [
        ({"name": "sequental-cart"}, "Did you mean 'sequential-cart'?"),
        ({"name": "bootstrap"}, "never released"),
        ({"name": "independent"}, "never released"),
        ({"name": "sequential-cart", "params": {"depht": 3}}, "no parameter 'depht'"),
    ],
)
def test_a_generator_that_cannot_be_used_is_refused(
    tmp_path: Path, generator: dict[str, Any], problem: str
) -> None:
    path = write(tmp_path, generator=generator | {"n": 100, "seed": 0})
    with pytest.raises(UsageError) as caught:
        check_generator(read_spec(path), path, dictionary())
    assert f"{path}:15: generator: " in str(caught.value)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("10.1038/s41746-024-01076-x", "10.1038/s41746-024-01076-x"),
        ("https://doi.org/10.1038/s41746-024-01076-x", "10.1038/s41746-024-01076-x"),
        ("doi:10.1038/s41746-024-01076-x", "10.1038/s41746-024-01076-x"),
        ("https://clinicaltrials.gov/study/NCT00146120", "https://clinicaltrials.gov/study/NCT00146120"),
    ],
)
def test_related_works_are_dois_or_addresses(tmp_path: Path, text: str, read: str) -> None:
    related = [{"identifier": text, "relation": "isDerivedFrom"}]
    assert read_spec(write(tmp_path, related_identifiers=related)).related_identifiers[0].identifier == read


def test_every_licence_has_a_text_and_can_be_described(tmp_path: Path) -> None:
    names = sorted(path.stem for path in asset("release/licenses").glob("*.txt"))
    assert names == ["CC-BY-4.0", "CC0-1.0"]
    (tmp_path / "data").mkdir()
    for ending in ("csv", "parquet"):
        (tmp_path / "data" / f"a-cohort.{ending}").write_bytes(b"")
    for name in names:
        spec = ReleaseSpec.model_validate(CONTENT | {"license": name})
        package = describe_package(
            spec, tmp_path, dictionary(), statement="", citation="", simulated=True, endpoints=()
        )
        assert package.licenses[0].name == name
        assert package.licenses[0].path in license_text(name)
        assert f"SPDX identifier: {name}" in license_text(name)
