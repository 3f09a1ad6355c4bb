"""Registries: what they must say, and the sentences for what they say wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from amlsynth.foundation.addresses import check_url, doi_of, zenodo_record
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import UsageError
from amlsynth.loading import REGISTRY_VARIABLE, Cache, load
from amlsynth.loading.registry import entries
from amlsynth.loading.registry_file import read_registry

ENTRY = {
    "name": "mine",
    "version": "1.0.0",
    "title": "Mine",
    "doi": "https://doi.org/10.5281/zenodo.77",
    "sha256": "0" * 64,
}


def write(path: Path, *changes: dict[str, Any]) -> Path:
    made = [{k: v for k, v in (ENTRY | change).items() if v is not None} for change in changes]
    path.write_text(yaml.safe_dump({"datasets": made}), encoding="utf-8")
    return path


def test_the_registry_of_the_package_is_right() -> None:
    listed = read_registry(asset("release/registry.yaml")).datasets
    assert {"aml-reference", "eckardt-2024-ctabgan", "eckardt-2024-nflow"} <= {entry.name for entry in listed}
    for entry in listed:
        # Nobody could reach Zenodo when these were entered, so no hash may stand there that nobody saw.
        assert entry.kind == "release" or entry.sha256 is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 1.0}, "write the version in quotes"),
        ({"version": "1.0"}, "no semantic version"),
        ({"sha256": None}, "needs the sha256 of its zip"),
        ({"sha256": "ABC"}, "sha256"),
        ({"doi": "zenodo 77"}, "write the DOI as"),
        ({"doi": None}, "needs a doi or a url"),
        ({"url": "http://example.org/x.zip"}, "use https"),
        ({"url": "https://me:secret@example.org/x.zip"}, "must not hold a user name"),
        ({"file": "../x.zip"}, "without a folder"),
        ({"kind": "foreign"}, "needs a layout"),
        ({"layout": "x"}, "no other, needs a layout"),
        ({"status": "gone"}, "status"),
        ({"nmae": "x"}, "Did you mean 'name'?"),
        ({"name": "Mine!"}, "name"),
    ],
)
def test_a_wrong_entry_is_told_by_line(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    path = write(tmp_path / "r.yaml", change)
    with pytest.raises(UsageError) as caught:
        read_registry(path)
    assert says in str(caught.value) and f"{path}:" in str(caught.value)


def test_a_data_set_that_stands_twice_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"mine 1.0.0 stands twice"):
        read_registry(write(tmp_path / "r.yaml", {}, {}))


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"datasets: &a [*a]", b"a: " + b"[" * 2_000, b"[]", b"datasets: !!python/name:os.system"],
)
def test_a_hostile_registry_is_a_sentence(here: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"r\.yaml"):
        load("mine", registry=path)


def test_own_registries_come_first(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write(tmp_path / "1.yaml", {"title": "First"})
    second = write(tmp_path / "2.yaml", {"title": "Second"}, {"version": "2.0.0"})
    monkeypatch.setenv(REGISTRY_VARIABLE, str(second))
    cache = Cache()
    for _ in range(2):  # the second time from the cache
        found = {(e.name, e.version): e for e in entries(cache, first)}
        assert found["mine", "1.0.0"].title == "First"
        assert found["mine", "1.0.0"].doi == "10.5281/zenodo.77"
        assert found["mine", "2.0.0"].registry == str(second)
        assert ("eckardt-2024-nflow", "1.0.0") in found
    write(second, {"title": "Changed", "version": "3.0.0"})
    assert ("mine", "3.0.0") in {(e.name, e.version) for e in entries(cache, first)}


def test_a_registry_that_is_not_there_is_told(here: Path) -> None:
    with pytest.raises(UsageError, match="the registry cannot be read"):
        load("mine", registry="none.yaml")


def test_what_is_planned_or_withdrawn_says_so(here: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "r.yaml", {"status": "planned", "note": "Next spring."})
    with pytest.raises(UsageError, match=r"mine 1.0.0 is planned. Next spring\."):
        load("mine", registry=path)
    path = write(tmp_path / "r.yaml", {"status": "withdrawn", "note": "A column was wrong."})
    with pytest.raises(UsageError, match=r"mine 1.0.0 is withdrawn. A column was wrong\."):
        load("mine", registry=path)


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("10.5281/zenodo.12", "10.5281/zenodo.12"),
        ("doi:10.5281/zenodo.12", "10.5281/zenodo.12"),
        ("https://doi.org/10.5281/ZENODO.12", "10.5281/zenodo.12"),
        ("https://zenodo.org/records/12", "10.5281/zenodo.12"),
        ("https://zenodo.org/record/12", "10.5281/zenodo.12"),
        ("https://sandbox.zenodo.org/records/12", "10.5072/zenodo.12"),
        ("https://evil.example/10.5281/zenodo.12", None),
        ("aml-reference", None),
        ("10.5281", None),
        ("", None),
    ],
)
def test_what_is_a_doi(text: str, doi: str | None) -> None:
    assert doi_of(text) == doi


def test_only_zenodo_has_records() -> None:
    assert zenodo_record("10.5281/zenodo.12") == (12, False)
    assert zenodo_record("10.5072/zenodo.12") == (12, True)
    assert zenodo_record("10.1038/s41746-024-01076-x") is None


@pytest.mark.parametrize(
    "url",
    ["http://example.org/x.zip", "ftp://example.org/x", "file:///etc/passwd", "https://", "https://a:b@c/x",
     "https://[::1", "https://example.org:99999999/x", "https://exa mple.org/x", "javascript:alert(1)", ""],
)  # fmt: skip
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["https://example.org/x.zip?a=1", "http://127.0.0.1:8000/x", "http://localhost/x"]
)
def test_https_and_this_machine_are_fine(url: str) -> None:
    assert check_url(url) == url
