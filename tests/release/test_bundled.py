"""The data set that comes with the package is loaded by name without the net, and is what the code makes."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import yaml

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import UsageError
from amlsynth.loading import CACHE_VARIABLE, SEARCH_VARIABLE, dataset, datasets, load
from amlsynth.release import verify_release
from amlsynth.release.origin import EXAMPLE
from amlsynth.release.spec import read_spec

REBUILD = "the bundled data set is not what is made now: run `make bundled`"


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other release is here, and no net."""

    def refuse(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(SEARCH_VARIABLE, raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def bundled() -> Path:
    spec = read_spec(asset(EXAMPLE))
    return asset(f"release/bundled/{spec.stem}.zip")


@pytest.mark.usefixtures("alone")
def test_it_is_loaded_by_name_without_the_net(dictionary: Dictionary) -> None:
    found = dataset("aml-reference")
    assert found.path == bundled()
    assert (len(found.frame), list(found.frame.columns)) == (1606, list(dictionary.names))
    assert (found.license, found.original_is_simulated) == ("CC0-1.0", True)
    assert "holds no patient" in found.statement and "differential privacy with epsilon" in found.statement
    assert load("aml-reference@1.0.0", offline=True).equals(found.frame)
    (listed,) = (entry for entry in datasets() if entry.name == "aml-reference")
    assert (listed.version, listed.cached, listed.status) == ("1.0.0", True, "local")


def test_it_is_small_and_of_the_spec_and_sums_that_stand_in_the_repository(tmp_path: Path) -> None:
    assert bundled().stat().st_size < 500_000
    found = dataset(str(bundled()))
    assert found.provenance["spec"]["text"] == asset(EXAMPLE).read_text(encoding="utf-8"), REBUILD
    assert found.document is not None
    ours = json.loads((asset("release") / "aml-reference.sums.json").read_bytes())
    assert json.loads(found.document("measurements/sum-1.json")) == ours, REBUILD
    assert found.provenance["generator"]["name"] == "private"
    assert yaml.safe_load(found.document("dictionary.yaml"))["name"] == "aml"


def test_its_patients_and_documents_are_those_that_are_made_now() -> None:
    try:
        report = verify_release(bundled(), regenerate=True)
    except UsageError as error:
        if "with the versions that made them" not in str(error):
            raise
        pytest.skip(f"{error} {REBUILD}")
    problems = [str(problem) for problem in report.problems]
    if problems and all("products of matrices have other last bits" in problem for problem in problems):
        pytest.skip(problems[0])
    assert problems == [], REBUILD
