"""Data sets that are fetched: once, checked, and loaded without the net from then on."""

from __future__ import annotations

import gzip
import hashlib
import os
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import amlsynth
from amlsynth.foundation.addresses import doi_of
from amlsynth.foundation.errors import AmlsynthError, DataError, UsageError
from amlsynth.loading import Cache
from forked import Forked

Zip = Callable[[Path], Path]
DOI = "10.5281/zenodo.77"


@pytest.fixture
def archive(here: Path, patients: pd.DataFrame, write_release: Callable[..., Path], zipped: Zip) -> bytes:
    """The zip of a release that is not on this machine."""
    return zipped(write_release(here.parent / "far", patients)).read_bytes()


@pytest.fixture
def registry(here: Path, archive: bytes) -> Path:
    """A registry that lists the zip at the DOI."""
    path = here.parent / "registry.yaml"
    entry = {
        "name": "small",
        "version": "1.0.0",
        "title": "Small",
        "doi": DOI,
        "sha256": hashlib.sha256(archive).hexdigest(),
    }
    path.write_text(yaml.safe_dump({"datasets": [entry]}), encoding="utf-8")
    return path


def left(cache: Path) -> list[str]:
    """What downloads left in the cache."""
    return [p.name for part in ("downloads", "datasets") for p in (cache / part).glob("*")]


def test_a_name_is_fetched_once(zenodo: Any, registry: Path, archive: bytes, patients: pd.DataFrame) -> None:
    zenodo.put(77, {"README.md": b"x", "small-1.0.0.zip": archive})
    first = amlsynth.dataset("small", registry=registry)
    pd.testing.assert_frame_equal(first.frame, patients)
    assert (first.doi, first.frame.attrs["doi"]) == (DOI, DOI)
    asked = len(zenodo.asked)
    for call in (
        lambda: amlsynth.load("small", registry=registry),
        lambda: amlsynth.load("small@1.0.0", registry=registry, offline=True),
        lambda: amlsynth.load(DOI, registry=registry),
        lambda: amlsynth.load("small", offline=True),  # by what the cache knows, without the registry
    ):
        pd.testing.assert_frame_equal(call(), patients)
    assert len(zenodo.asked) == asked


def test_a_doi_is_fetched_once(zenodo: Any, archive: bytes, patients: pd.DataFrame) -> None:
    zenodo.put(77, {"small-1.0.0.zip": archive})
    for source in (DOI, f"https://doi.org/{DOI}", "https://zenodo.org/records/77"):
        made = amlsynth.dataset(source, sha256=hashlib.sha256(archive).hexdigest())
        pd.testing.assert_frame_equal(made.frame, patients)
        assert made.doi == DOI
    assert len(amlsynth.load(DOI, offline=True)) == 40
    assert zenodo.asked == ["/api/records/77", "/api/records/77/files/small-1.0.0.zip/content"]
    listed = {(d.name, d.version): d for d in amlsynth.datasets()}
    assert listed["small", "1.0.0"].cached and listed["small", "1.0.0"].doi == DOI


def test_the_doi_of_all_versions_gives_the_newest(
    zenodo: Any, here: Path, patients: pd.DataFrame, write_release: Callable[..., Path], zipped: Zip
) -> None:
    for number, version in ((76, "1.0.0"), (77, "1.1.0")):
        content = zipped(write_release(here.parent / "far", patients, version=version)).read_bytes()
        zenodo.put(number, {f"small-{version}.zip": content}, version, concept=70)
    concept = "10.5281/zenodo.70"
    assert amlsynth.load(concept).attrs["version"] == "1.1.0"
    assert amlsynth.load(concept, "1.0.0").attrs["version"] == "1.0.0"
    with pytest.raises(UsageError, match=r"has no version '3.0.0'. Versions: 1.0.0, 1.1.0\."):
        amlsynth.load(concept, "3.0.0")
    assert amlsynth.load(concept, "1.0.0", offline=True).attrs["version"] == "1.0.0"
    zenodo.fail = lambda path: 500
    with pytest.warns(UserWarning, match="the newest version that was loaded before"):
        assert amlsynth.load(concept).attrs["version"] == "1.1.0"
    with pytest.warns(UserWarning, match="offline, the newest version"):
        assert amlsynth.load(concept, offline=True).attrs["doi"] == concept


def test_a_url_is_remembered_with_its_bytes(zenodo: Any, here: Path, archive: bytes) -> None:
    zenodo.put(77, {"small-1.0.0.zip": archive})
    url = f"{zenodo.base}/api/records/77/files/small-1.0.0.zip/content"
    assert len(amlsynth.load(url)) == 40
    assert len(amlsynth.load(url, offline=True)) == 40
    cache = Cache()
    (digest, _), *_ = cache.files()
    cache.remove(digest)
    zenodo.contents[77, "small-1.0.0.zip"] = archive + b"\0"
    with pytest.raises(DataError, match=f"its hash should be sha256:{digest}"):
        amlsynth.load(url)
    assert left(cache.folder) == []


@pytest.mark.parametrize("url", ["http://example.org/x.zip", "ftp://example.org/x.zip", "file:///etc/passwd"])
def test_urls_that_are_not_encrypted_are_refused(here: Path, url: str) -> None:
    with pytest.raises(UsageError, match="https"):
        amlsynth.load(url)


def test_a_registry_with_a_wrong_hash_refuses_and_removes(
    zenodo: Any, here: Path, registry: Path, archive: bytes
) -> None:
    zenodo.put(77, {"small-1.0.0.zip": archive})
    registry.write_text(registry.read_text().replace(hashlib.sha256(archive).hexdigest(), "ab" * 32))
    with pytest.raises(DataError, match=f"should be sha256:{'ab' * 32}.*the registry or the file is wrong"):
        amlsynth.load("small", registry=registry)
    with pytest.raises(DataError, match="the SHA-256 asked for is 1111"):
        amlsynth.load("small", registry=registry, sha256="1" * 64)
    assert left(here.parent / "cache") == []


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 half", b"<html>", None],
    ids=["empty", "cut", "a page", "another release"],
)
def test_wrong_bytes_behind_a_doi_are_refused_and_removed(
    zenodo: Any,
    here: Path,
    patients: pd.DataFrame,
    write_release: Callable[..., Path],
    zipped: Zip,
    content: bytes | None,
) -> None:
    if content is None:
        wrong = patients.copy()
        wrong.loc[3, "AGE"] = 12
        content = zipped(write_release(here.parent / "far", wrong)).read_bytes()
    zenodo.put(77, {"small-1.0.0.zip": content})
    for _ in range(2):
        with pytest.raises(DataError):
            amlsynth.load(DOI)
        assert left(here.parent / "cache") == []


def test_a_download_that_breaks_off_leaves_nothing(zenodo: Any, here: Path, archive: bytes) -> None:
    zenodo.put(77, {"small-1.0.0.zip": archive})
    for cut in (archive[:1000], archive + b"more", archive[:-1]):
        zenodo.contents[77, "small-1.0.0.zip"] = cut
        with pytest.raises(DataError):
            amlsynth.load(DOI)
        assert left(here.parent / "cache") == []
    zenodo.contents[77, "small-1.0.0.zip"] = archive
    assert len(amlsynth.load(DOI)) == 40


def test_what_was_cut_off_long_ago_is_removed(zenodo: Any, here: Path, archive: bytes) -> None:
    zenodo.put(77, {"small-1.0.0.zip": archive})
    old = here.parent / "cache" / "downloads" / "old"
    old.mkdir(parents=True)
    (old / "small-1.0.0.zip").write_bytes(archive[:99])
    os.utime(old, (0, 0))
    amlsynth.load(DOI)
    assert not old.exists()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (404, "no such record"),
        (403, "not public"),
        (410, "withdrawn"),
        (429, "asks to wait"),
        (500, "answered 500"),
    ],
)
def test_answers_of_the_server_are_sentences(
    zenodo: Any, here: Path, archive: bytes, code: int, says: str
) -> None:
    zenodo.put(77, {"small-1.0.0.zip": archive})
    for place in ("/api/records/77", "content"):
        zenodo.fail = lambda path, place=place: code if path.endswith(place) else None
        with pytest.raises(UsageError, match=says):
            amlsynth.load(DOI)
    assert left(here.parent / "cache") == []


@pytest.mark.parametrize(
    "answer",
    [b"", b"null", b"[]", b"<html>", b"[" * 100_000, b'{"id": "x"}', b"\xff", b"9" * 6_000_000,
     b'{"id": 77, "metadata": {"title": "x"}, "files": [{"key": "../x.zip", "size": 1, "checksum": "md5:'
     + b"0" * 32 + b'"}]}',
     b'{"id": 77, "metadata": {"title": "x"}, "files": []}'],
)  # fmt: skip
def test_hostile_answers_are_sentences(zenodo: Any, here: Path, answer: bytes) -> None:
    zenodo.fail = lambda _: answer
    with pytest.raises(UsageError, match=r"zenodo|Zenodo"):
        amlsynth.load(DOI)
    assert left(here.parent / "cache") == []


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("http://192.0.2.1/elsewhere", "is not encrypted"),
        ("ftp://zenodo.example/x.zip", "is no https URL"),
        ("https://user:secret@zenodo.example/x.zip", "must not hold a user name"),
        ("file:///etc/passwd", "is no https URL"),
        (None, "from one address to another without end"),
    ],
)
def test_redirections_lead_to_no_worse_place(
    zenodo: Any, here: Path, archive: bytes, target: str | None, says: str
) -> None:
    zenodo.put(77, {"small-1.0.0.zip": archive})
    zenodo.fail = lambda path: (302, {"Location": target or path}) if path.endswith("content") else None
    with pytest.raises(UsageError, match=says) as caught:
        amlsynth.load(DOI)
    assert "secret" not in str(caught.value)
    assert left(here.parent / "cache") == []


@pytest.mark.parametrize(
    "target",
    ["https://127.0.0.1/x", "https://localhost/x", "https://[::1]/x", "https://10.0.0.1/x", "https://169.254.169.254/x",
     "https://a.localhost./x"],
)  # fmt: skip
def test_a_server_elsewhere_leads_to_no_private_network(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from amlsynth.loading.download import _followed

    class Session:
        def get(self, url: str, **_: object) -> Any:
            assert url == "https://zenodo.example/x.zip", "asked another server"
            return types.SimpleNamespace(is_redirect=True, headers={"Location": target}, close=lambda: None)

    with pytest.raises(UsageError, match="is in a private network"):
        _followed(Session(), "https://zenodo.example/x.zip", "*/*")


def test_a_redirection_on_the_same_server_is_followed(zenodo: Any, here: Path, archive: bytes) -> None:
    zenodo.put(77, {"small-1.0.0.zip": archive})
    zenodo.fail = lambda path: (
        (302, {"Location": "/api/records/77"})
        if path == "/api/records/70" and len(zenodo.asked) == 1
        else None
    )
    assert len(amlsynth.load("10.5281/zenodo.70")) == 40
    assert zenodo.asked[:2] == ["/api/records/70", "/api/records/77"]


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_waited_for(
    zenodo: Any, here: Path, archive: bytes, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amlsynth.loading.download._RETRIES", 2)
    waited: list[float] = []
    monkeypatch.setattr("amlsynth.loading.download._pause", waited.append)
    zenodo.put(77, {"small-1.0.0.zip": archive})
    zenodo.fail = lambda path: (status, {"Retry-After": "7"}) if len(zenodo.asked) in (1, 3) else None
    assert len(amlsynth.load(DOI)) == 40
    assert waited == [7.0, 7.0]
    zenodo.fail = lambda path: (status, {"Retry-After": "7200"})
    with pytest.raises(UsageError, match=f"answered {status}"):
        amlsynth.load("10.5281/zenodo.78")
    assert waited == [7.0, 7.0]


def test_a_server_that_is_too_slow_is_given_up(
    zenodo: Any, here: Path, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    zenodo.put(77, {"small-1.0.0.zip": archive})
    monkeypatch.setattr("amlsynth.loading.download._ANSWER_TIME", 0.3)
    monkeypatch.setattr("amlsynth.loading.download._LEAST_SPEED", 1e9)
    zenodo.drip = 0.15  # seconds between bytes of a body
    with pytest.raises(UsageError, match="too slow"):
        amlsynth.load(DOI)
    zenodo.drip, zenodo.stall = 0.0, 1.0  # before the headers
    with pytest.raises(UsageError, match="did not answer in 0 seconds"):
        amlsynth.load(DOI)
    assert left(here.parent / "cache") == []


def test_nothing_is_decompressed(zenodo: Any, here: Path) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    zenodo.fail = lambda _: (200, {"Content-Encoding": "gzip"}, bomb)
    with pytest.raises(UsageError, match="compresses what was asked for"):
        amlsynth.load(DOI)


def test_files_that_were_sent_in_parts_have_no_md5(zenodo: Any, here: Path, archive: bytes) -> None:
    zenodo.put(77, {"small-1.0.0.zip": archive, "big.bin": b"x"})
    for file in zenodo.records[77]["files"]:
        file["checksum"] = "multipart:abc-7" if file["key"] == "big.bin" else None
    assert len(amlsynth.load(DOI)) == 40


@pytest.mark.parametrize(
    "text",
    [DOI, DOI.upper(), f"doi:{DOI}", f"DOI: {DOI}", f"info:doi/{DOI}", f"https://doi.org/{DOI}", f"{DOI}.",
     f" {DOI} ",     f"http://dx.doi.org/{DOI}", f"https://www.doi.org/{DOI}", "https://doi.org/10.5281%2Fzenodo.77",
     "https://zenodo.org/records/77", "https://zenodo.org/record/77/", "zenodo.org/records/77", "http://zenodo.org/record/77",
     "https://www.zenodo.org/records/77?token=x", "https://zenodo.org/records/77/files/small-1.0.0.zip?download=1",
     "https://zenodo.org/records/77#x", "https://zenodo.org/api/records/77", f"https://zenodo.org/doi/{DOI}",
     f"https://zenodo.org/badge/DOI/{DOI}.svg", "https://zenodo.org/badge/latestdoi/77"],
)  # fmt: skip
def test_all_forms_of_a_doi(text: str) -> None:
    assert doi_of(text) == DOI
    assert doi_of("https://sandbox.zenodo.org/records/77/files/x.zip") == "10.5072/zenodo.77"


@pytest.mark.parametrize(
    "text",
    ["https://evil.example/records/77", "https://zenodo.org.evil.example/records/77", "aml-reference", "a/b"],
)
def test_what_is_no_doi(text: str) -> None:
    assert doi_of(text) is None


def test_no_net_is_a_sentence(here: Path, registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amlsynth.loading.download._RETRIES", 0)
    monkeypatch.setenv("AMLSYNTH_ZENODO_URL", "http://127.0.0.1:9")  # where nobody listens
    for source in (DOI, "small", "http://127.0.0.1:9/x.zip"):
        with pytest.raises(UsageError, match=r"cannot be reached .*Check the connection"):
            amlsynth.load(source, registry=registry)
        with pytest.raises(UsageError, match="was not loaded before, and offline=True forbids"):
            amlsynth.load(source, registry=registry, offline=True)


def test_other_dois_and_bases_are_sentences(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="only DOIs of Zenodo"):
        amlsynth.load("10.1038/s41746-024-01076-x")
    monkeypatch.setenv("AMLSYNTH_ZENODO_URL", "http://example.org")
    with pytest.raises(UsageError, match=r"AMLSYNTH_ZENODO_URL: .* not encrypted"):
        amlsynth.load(DOI)


def test_a_cache_that_cannot_be_written_is_a_sentence(zenodo: Any, here: Path, archive: bytes) -> None:
    zenodo.put(77, {"small-1.0.0.zip": archive})
    (here.parent / "file").write_text("")
    with pytest.raises(UsageError, match=r"the cache cannot be written .* name another folder"):
        amlsynth.load(DOI, cache=here.parent / "file" / "cache")


def test_a_full_disk_is_a_sentence(
    zenodo: Any, here: Path, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    zenodo.put(77, {"small-1.0.0.zip": archive})

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("amlsynth.loading.download._blocks", full)
    with pytest.raises(UsageError, match="there is no space for it"):
        amlsynth.load(DOI)
    assert left(here.parent / "cache") == []


def test_a_copy_that_was_damaged_in_the_cache_is_fetched_again(
    zenodo: Any, here: Path, registry: Path, archive: bytes
) -> None:
    zenodo.put(77, {"small-1.0.0.zip": archive})
    for source in ("small", DOI):
        amlsynth.load(source, registry=registry)
        ((digest, path),) = Cache().files()
        path.write_bytes(archive[:500] + b"\0" + archive[501:])
        assert len(amlsynth.load(source, registry=registry)) == 40
        path.write_bytes(archive[:-1])
        with pytest.raises(DataError, match="The damaged copy was removed; load again with the net"):
            amlsynth.load(source, registry=registry, offline=True)
        assert Cache().file(digest) is None


def test_processes_may_load_at_once(zenodo: Any, here: Path, registry: Path, archive: bytes) -> None:
    zenodo.put(77, {"small-1.0.0.zip": archive})
    started = [Forked(lambda: print(len(amlsynth.load("small", registry=registry)))) for _ in range(2)]
    for process in started:
        assert process.communicate() == ("40\n", "")
    assert left(here.parent / "cache") == [hashlib.sha256(archive).hexdigest()]


def test_the_quicker_of_two_wins(here: Path) -> None:
    cache = Cache()
    for _ in range(2):
        with cache.downloading() as folder:
            (folder / "x.zip").write_bytes(b"same")
            assert cache.adopt(folder, "ab", {"x": 1}).read_bytes() == b"same"
    cache.file("ab").unlink()  # type: ignore[union-attr]
    with cache.downloading() as folder:
        (folder / "x.zip").write_bytes(b"same")
        assert cache.adopt(folder, "ab", {}).read_bytes() == b"same"
    assert left(cache.folder) == ["ab"]


def test_the_published_cohorts_are_trusted_on_first_use(zenodo: Any, here: Path, published: Path) -> None:
    content = published.read_bytes()
    zenodo.put(8334265, {"synthetic_CTAB.csv": content, "synthetic_nflow.csv": content + b"\n"})
    with pytest.raises(UsageError, match=r"holds 2 data sets. Load one by its name: eckardt-2024-ctabgan@"):
        amlsynth.load("10.5281/zenodo.8334265")
    digest = hashlib.sha256(content).hexdigest()
    with pytest.warns(UserWarning, match=f"nobody vouches for its bytes. It is {digest}"):
        made = amlsynth.dataset("eckardt-2024-ctabgan")
    assert len(made.frame) == 300 and made.license == "CC-BY-4.0"
    with pytest.warns(UserWarning):
        amlsynth.load("eckardt-2024-ctabgan", offline=True)
    Cache().remove(digest)
    zenodo.put(8334265, {"synthetic_CTAB.csv": content.replace(b"X1;", b"Y1;")})
    with pytest.raises(DataError, match=f"its hash should be sha256:{digest}"):
        amlsynth.load("eckardt-2024-ctabgan")
    with pytest.raises(UsageError, match=r"no file '\*nflow\*.csv'. Its files: 'synthetic_CTAB.csv'"):
        amlsynth.load("eckardt-2024-nflow")


def test_every_failure_is_one_that_amlsynth_reports(zenodo: Any, here: Path, archive: bytes) -> None:
    for content in (archive[:300], b"\0" * 1000, archive.replace(b"datapackage", b"datapackagf")):
        zenodo.put(77, {"small-1.0.0.zip": content})
        with pytest.raises(AmlsynthError):
            amlsynth.load(DOI)
