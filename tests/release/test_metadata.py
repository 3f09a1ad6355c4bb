"""The metadata files are read and accepted by their own libraries, without the net, and say the same."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
import yaml

from amlsynth.cohort.tables import read_table
from amlsynth.dictionary.codebook import codebook
from amlsynth.dictionary.model import Dictionary
from amlsynth.release import ReleaseResult, build_release
from amlsynth.release.file_names import METADATA_FILES, file_names
from amlsynth.release.metadata import metadata_texts, write_metadata
from amlsynth.release.package import DataPackage, Related
from amlsynth.release.spec import RelatedIdentifier

WriteSpec = Callable[..., Path]
NAME = "small-test"
HOSTILE = '</script><script>alert(1)</script> "quoted" \\ | `code` $x & <b>'


@pytest.fixture(autouse=True)
def no_net(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here may ask the net for a context or a schema."""

    def refuse(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def content(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


@pytest.fixture
def hostile(fast: None, tmp_path: Path, write_spec: WriteSpec) -> Path:
    """A release whose texts try to break out of every format."""
    spec = write_spec(
        tmp_path,
        title=HOSTILE,
        description=HOSTILE,
        keywords=[HOSTILE],
        creators=[{"name": HOSTILE}, {"name": "Family, Given", "affiliation": HOSTILE}],
    )
    return build_release(spec, tmp_path / "out").folder


def croissant_of(folder: Path) -> Any:
    with warnings.catch_warnings():  # of rdflib, which mlcroissant uses in an old way
        warnings.simplefilter("ignore")
        import mlcroissant

        return mlcroissant.Dataset(str(folder / "croissant.json"))


def test_croissant_is_accepted_and_gives_the_patients(built: ReleaseResult, dictionary: Dictionary) -> None:
    dataset = croissant_of(built.folder)
    issues = dataset.metadata.ctx.issues
    assert not issues.errors and not issues.warnings
    frame = read_table(built.folder / "data" / f"{NAME}.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        records = list(dataset.records("patients"))
    assert len(records) == len(frame)
    for variable in dictionary.variables:
        for record, value in zip(records, frame[variable.name], strict=True):
            found = record[f"patients/{variable.id}"]
            if pd.isna(value):
                assert pd.isna(found) or found == b"", variable.name
            elif variable.type == "category":
                assert found.decode() == value
            else:
                assert found == value


def test_ro_crate_is_read_and_lists_every_file(built: ReleaseResult) -> None:
    from rocrate.rocrate import ROCrate

    crate = ROCrate(str(built.folder))
    assert crate.name == "A small release, for tests"
    assert str(crate.root_dataset["datePublished"]) == "2026-11-20"
    assert crate.root_dataset["version"] == "1.2.3"
    parts = {entity.id: entity for entity in crate.root_dataset["hasPart"]}
    assert set(parts) == set(file_names(NAME)) - {"ro-crate-metadata.json"}
    for name, entity in parts.items():
        assert entity["encodingFormat"] and entity["name"] == Path(name).name
        assert entity["description"] not in (None, name, "Noisy sums that the data were made from")
        data = (built.folder / name).read_bytes()
        assert entity["contentSize"] == str(len(data))
        if name != "SHA256SUMS":
            assert entity["sha256"] == hashlib.sha256(data).hexdigest()
    ana, group = crate.root_dataset["creator"]
    assert (ana.id, ana["name"]) == ("https://orcid.org/0000-0002-1825-0097", "Ana Núñez")
    assert (ana["affiliation"].id, ana["affiliation"]["name"]) == ("https://ror.org/01ggx4157", "Trial Group")
    assert (group.type, group["name"]) == ("Organization", "The Trial Group")
    # Every reference leads somewhere within the crate.
    graph = content(built.folder, "ro-crate-metadata.json")["@graph"]
    known = {entity["@id"] for entity in graph} | {"https://w3id.org/ro/crate/1.2"}
    assert set(re.findall(r'\{"@id": "([^"]+)"\}', json.dumps(graph))) <= known


def test_datacite_is_valid_by_its_schema(built: ReleaseResult, hostile: Path) -> None:
    from datacite import schema45

    for folder in (built.folder, hostile):
        record = content(folder, "datacite.json")
        assert [error.message for error in schema45.validator.iter_errors(record)] == []
    record = content(built.folder, "datacite.json")
    assert record["publicationYear"] == "2026" and record["version"] == "1.2.3"
    assert record["creators"][0]["nameIdentifiers"][0]["nameIdentifierScheme"] == "ORCID"
    assert record["creators"][0]["affiliation"][0]["affiliationIdentifier"] == "https://ror.org/01ggx4157"
    assert record["publisher"] == {"name": ":unav"} and "doi" not in record
    broken = {key: value for key, value in record.items() if key != "titles"}
    assert list(schema45.validator.iter_errors(broken))


def test_schema_org_is_json_ld(built: ReleaseResult, hostile: Path, dictionary: Dictionary) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from rdflib import Graph, URIRef

        for folder in (built.folder, hostile):
            record = content(folder, "schema-org.json")
            assert record["@context"] == "https://schema.org/"
            # The same terms without fetching that context.
            text = json.dumps(record | {"@context": {"@vocab": "https://schema.org/"}})
            graph = Graph().parse(data=text, format="json-ld")
    measured = URIRef("https://schema.org/variableMeasured")
    assert len(list(graph.triples((None, measured, None)))) == len(dictionary.names)
    assert len(record["description"]) >= 50  # what search engines ask for
    csv, parquet = record["distribution"]
    assert (csv["contentUrl"], parquet["contentUrl"]) == (f"data/{NAME}.csv", f"data/{NAME}.parquet")


def test_a_doi_stands_in_all_four(built: ReleaseResult) -> None:
    from datacite import schema45

    package = DataPackage.model_validate_json((built.folder / "datapackage.json").read_bytes())
    doi = "10.5281/zenodo.12345"
    object.__setattr__(package, "id", f"https://doi.org/{doi}")
    texts = metadata_texts(package, built.folder)
    assert all(doi in text for text in texts.values())
    record = json.loads(texts["datacite.json"])
    assert (record["doi"], record["publisher"]) == (doi, {"name": "Zenodo"})
    assert not list(schema45.validator.iter_errors(record))


def test_hostile_texts_stay_texts(hostile: Path) -> None:
    from rocrate.rocrate import ROCrate

    dataset = croissant_of(hostile)
    assert dataset.metadata.description.startswith(HOSTILE)
    assert not dataset.metadata.ctx.issues.errors
    assert ROCrate(str(hostile)).name == HOSTILE
    assert content(hostile, "datacite.json")["titles"] == [{"title": HOSTILE}]
    assert content(hostile, "schema-org.json")["name"] == HOSTILE


def test_metadata_written_again_are_the_same_bytes(folder: Path) -> None:
    before = {name: (folder / name).read_bytes() for name in METADATA_FILES}
    for name in METADATA_FILES:
        (folder / name).unlink()
    write_metadata(folder)
    assert {name: (folder / name).read_bytes() for name in METADATA_FILES} == before


def test_frictionless_takes_the_package(built: ReleaseResult) -> None:
    path = built.folder / "datapackage.json"
    command = [sys.executable, "-m", "frictionless", "validate", str(path), "--json"]
    # The command line of frictionless asks for no net; it is a process of its own all the same.
    result = subprocess.run(command, capture_output=True, text=True, cwd=built.folder)
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["valid"] is True and report["stats"]["errors"] == 0
    tasks = {task["name"]: task["stats"] for task in report["tasks"]}
    rows = (built.folder / f"data/{NAME}.csv").read_bytes().count(b"\n") - 1
    # It reads the Parquet as a table, too; `bytes` is left out there, which it would call wrong.
    assert {name: stats["rows"] for name, stats in tasks.items()} == {NAME: rows, f"{NAME}-parquet": rows}
    from frictionless import Package

    package = json.loads(path.read_text(encoding="utf-8"))
    package["resources"][1]["bytes"] = package["resources"][1].pop("size")
    (told,) = Package.from_descriptor(package, basepath=str(built.folder)).validate().flatten(["type"])
    assert told == ["byte-count"]


RELATED = "https://doi.org/10.1038/s41746-024-01076-x"


def test_related_works_stand_in_every_format(built: ReleaseResult) -> None:
    (related,) = content(built.folder, "datacite.json")["relatedIdentifiers"]
    assert related == {
        "relatedIdentifier": "10.1038/s41746-024-01076-x",
        "relatedIdentifierType": "DOI",
        "relationType": "References",
    }
    (cited,) = content(built.folder, "schema-org.json")["citation"]
    assert (cited["@id"], cited["@type"]) == (RELATED, "CreativeWork")
    graph = {entity["@id"]: entity for entity in content(built.folder, "ro-crate-metadata.json")["@graph"]}
    assert graph["./"]["citation"] == {"@id": RELATED} and RELATED in graph
    assert content(built.folder, "croissant.json")["sc:citation"] == [RELATED]
    (reference,) = yaml.safe_load((built.folder / "CITATION.cff").read_text(encoding="utf-8"))["references"]
    assert reference["doi"] == "10.1038/s41746-024-01076-x"
    assert set(reference) == {"type", "title", "authors", "doi"}


def test_every_relation_has_a_place(built: ReleaseResult, dictionary: Dictionary) -> None:
    from datacite import schema45

    known = get_args(RelatedIdentifier.model_fields["relation"].annotation)
    package = DataPackage.model_validate_json((built.folder / "datapackage.json").read_bytes())
    works = tuple(Related(identifier=f"10.1234/{relation.lower()}", relation=relation) for relation in known)
    package = package.model_copy(update={"related": works, "publisher": "The House"})
    texts = metadata_texts(package, built.folder)
    for name in set(METADATA_FILES) - {"load_release.R"}:
        assert all(f"10.1234/{relation.lower()}" in texts[name] for relation in known), name
        assert "The House" in texts[name]
    record = json.loads(texts["datacite.json"])
    assert list(schema45.validator.iter_errors(record)) == []
    assert record["publisher"] == {"name": "The House"}
    graph = json.loads(texts["ro-crate-metadata.json"])["@graph"]
    named = {entity["@id"] for entity in graph} | {"https://w3id.org/ro/crate/1.2"}
    assert set(re.findall(r'\{"@id": "([^"]+)"\}', json.dumps(graph))) <= named
    assert len({entity["@id"] for entity in graph}) == len(graph)


@pytest.mark.parametrize(
    ("told", "contact", "publisher"),
    [
        (
            {"contact": "Doe, Jo <jo@example.org>", "publisher": "The Trial Group"},
            "mailto:jo@example.org",
            None,
        ),
        ({"contact": "The office of the trial"}, "#contact", None),
        ({"id": "https://doi.org/10.5281/zenodo.42"}, None, "https://zenodo.org/"),
    ],
)
def test_whom_to_ask_and_who_publishes(
    built: ReleaseResult, told: dict[str, str], contact: str | None, publisher: str | None
) -> None:
    package = DataPackage.model_validate_json((built.folder / "datapackage.json").read_bytes())
    texts = metadata_texts(package.model_copy(update=told), built.folder)
    graph = {entity["@id"]: entity for entity in json.loads(texts["ro-crate-metadata.json"])["@graph"]}
    root, listed = graph["./"], json.loads(texts["schema-org.json"])
    for author in root["author"]:
        assert graph[author["@id"]].get("contactPoint") == (contact and {"@id": contact})
    assert [entry.get("contactPoint", {}).get("@id") for entry in listed["creator"]] == [contact] * 2
    if contact:
        assert graph[contact]["@type"] == "ContactPoint"
        assert graph[contact]["name"] == told["contact"].partition(" <")[0]
    assert ("publisher" in root) == ("publisher" in listed) == (len(told) == 2 or publisher is not None)
    if "publisher" in told:
        assert graph[root["publisher"]["@id"]]["name"] == listed["publisher"]["name"] == "The Trial Group"
        assert root["publisher"] in root["author"]
    if publisher:
        assert graph["#publisher"]["url"] == listed["publisher"]["url"] == publisher
        assert graph["#publisher"]["contactPoint"]["@id"] in graph


def test_the_readme_is_a_data_set_card(built: ReleaseResult, hostile: Path) -> None:
    for folder in (built.folder, hostile):
        _, head, text = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
        card = yaml.safe_load(head)
        assert text.startswith("\n# ") and card["license"] == "cc-by-4.0"
        (config,) = card["configs"]
        assert (folder / config["data_files"]).is_file()
        assert card["size_categories"] == ["n<1K"]
    assert card["pretty_name"] == HOSTILE and set(card) == {
        "pretty_name", "license", "language", "tags", "size_categories", "configs"
    }  # fmt: skip


def test_hugging_face_loads_the_folder(
    built: ReleaseResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    datasets = pytest.importorskip(
        "datasets", reason="pip install datasets, to try loading a release with it"
    )
    found = datasets.load_dataset(str(built.folder), split="train", cache_dir=str(tmp_path))
    frame = read_table(built.folder / "data" / f"{NAME}.parquet")
    assert found.num_rows == len(frame) and found.column_names == list(frame.columns)
    assert found["AGE"] == [None if pd.isna(age) else age for age in frame["AGE"]]


def tables_of(text: str) -> list[list[int]]:
    """Render Markdown and return the number of cells of every row of every table."""
    from markdown_it import MarkdownIt

    tables: list[list[int]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append(0)
        elif token.type in ("td_open", "th_open"):
            tables[-1][-1] += 1
    return tables


def test_readme_and_codebook_render_as_they_are_meant(built: ReleaseResult, dictionary: Dictionary) -> None:
    readme = (built.folder / "README.md").read_text(encoding="utf-8")
    rows = content(built.folder, "decision.json")["rows"]
    missed = [gate for gate in content(built.folder, "gates.json")["gates"] if gate["passed"] is not True]
    files, figures, found = tables_of(readme)
    assert len(figures) == len(rows) + 1 and len(found) == len(missed) + 1
    assert set(files) == {2} and set(figures) == {5} and set(found) == {4}
    for name in file_names(NAME) - {"README.md"}:
        assert name in readme or (name.startswith("adam/") and "`adam/`" in readme), name
    assert "$" not in re.sub(r"\$dollar|sha256sum.*", "", readme)  # no place of the template is left open
    book = tables_of(codebook())
    rows = [len(dictionary.members(group.id)) + 1 for group in dictionary.groups]
    assert [len(table) for table in book[:-1]] == rows
    assert all(len(set(table)) == 1 for table in book)
