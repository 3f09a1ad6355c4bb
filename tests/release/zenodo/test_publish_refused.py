"""What publishing refuses, with a sentence and before any harm; and that no token is ever shown."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.release.zenodo.conftest import publish
from tests.release.zenodo.zenodo_server import TOKEN, ZenodoServer

from amlsynth.cli import main
from amlsynth.evaluation import read_evaluation
from amlsynth.foundation.errors import AmlsynthError, DataError, UsageError
from amlsynth.foundation.retry_after import retry_after
from amlsynth.release import ReleaseResult, build_release
from amlsynth.release.zenodo import checks
from amlsynth.release.zenodo.client import Client
from amlsynth.release.zenodo.servers import SANDBOX, ZENODO, choose_server, find_token, redact

NAME = "small-test"
STEM = f"{NAME}-1.2.3"
WriteSpec = Callable[..., Path]


def refused(folder: Path, server: ZenodoServer, problem: str, **options: Any) -> AmlsynthError:
    """Assert that publishing is refused with a sentence and nothing was made on the server."""
    before = {name: path.read_bytes() for name, path in _files(folder)}
    with pytest.raises(AmlsynthError, match=problem) as caught:
        publish(folder, **options)
    assert server.records == {}
    after = {name: path.read_bytes() for name, path in _files(folder)}
    after.pop("publish.json", None)
    before.pop("publish.json", None)
    assert after == before
    assert TOKEN not in str(caught.value)
    return caught.value


def _files(folder: Path) -> list[tuple[str, Path]]:
    return [(str(path.relative_to(folder)), path) for path in folder.rglob("*") if path.is_file()]


def test_a_folder_that_changed_since_the_build(folder: Path, zenodo: ZenodoServer) -> None:
    with (folder / "README.md").open("a", encoding="utf-8") as stream:
        stream.write("one more word")
    error = refused(folder, zenodo, "changed since the build")
    assert isinstance(error, DataError) and "README.md" in str(error)
    assert zenodo.log == []


def test_gates_that_were_not_passed(
    folder: Path, zenodo: ZenodoServer, reseal: Callable[[Path], None]
) -> None:
    report = json.loads((folder / "gates.json").read_text(encoding="utf-8"))
    report["gates"][0]["passed"] = report["passed"] = False
    (folder / "gates.json").write_text(json.dumps(report), encoding="utf-8")
    reseal(folder)
    assert "'rules' was not passed" in str(refused(folder, zenodo, "its gates were not passed"))
    assert zenodo.log == []


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("variable", [None, "", "  "])
def test_no_token(
    folder: Path, zenodo: ZenodoServer, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    if variable is None:
        monkeypatch.delenv("AMLSYNTH_ZENODO_TOKEN")
    else:
        monkeypatch.setenv("AMLSYNTH_ZENODO_TOKEN", variable)
    error = refused(folder, zenodo, "There is no token for .* AMLSYNTH_ZENODO_TOKEN")
    assert isinstance(error, UsageError) and zenodo.log == []


@pytest.mark.usefixtures("light")
def test_a_wrong_token(folder: Path, zenodo: ZenodoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "not-the-token-of-this-account"
    monkeypatch.setenv("AMLSYNTH_ZENODO_TOKEN", wrong)
    error = refused(folder, zenodo, r"refused the token .*\(403, GET\): Permission denied")
    assert "deposit:write" in str(error) and wrong not in str(error)


@pytest.mark.usefixtures("light")
def test_a_token_that_cannot_be_one(
    folder: Path, zenodo: ZenodoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMLSYNTH_ZENODO_TOKEN", "two words of secret")
    assert "secret" not in str(refused(folder, zenodo, "no token has"))


@pytest.mark.usefixtures("light")
def test_no_net(folder: Path, zenodo: ZenodoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setenv("AMLSYNTH_ZENODO_URL", f"http://127.0.0.1:{port}")
    waited: list[float] = []
    error = refused(folder, zenodo, "no connection", sleep=waited.append)
    assert waited == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert "goes on where it stopped" in str(error)


@pytest.mark.usefixtures("light")
def test_a_read_only_folder(folder: Path, zenodo: ZenodoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tests may run as root, whom no mode keeps out.
    monkeypatch.setattr(checks.os, "access", lambda path, mode: path != folder.parent)
    refused(folder, zenodo, "read-only")
    assert zenodo.log == []


@pytest.mark.usefixtures("light")
def test_no_space(folder: Path, zenodo: ZenodoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = types.SimpleNamespace(free=1000)
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: usage)
    refused(folder, zenodo, "no space .* 1,000 are free")
    assert zenodo.log == []


@pytest.mark.usefixtures("light")
def test_space_that_runs_out_on_the_way_is_told_and_taken_up(
    folder: Path, zenodo: ZenodoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("amlsynth.release.doi.write_archive", full)
        with pytest.raises(UsageError, match=r"No space left on device.* goes on where it stopped"):
            publish(folder)
    assert zenodo.published() == [] and len(zenodo.drafts()) == 1
    assert publish(folder).published
    assert len(zenodo.records) == 1


def test_a_zip_or_nothing_in_place_of_the_folder(archive: Path, zenodo: ZenodoServer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"takes the release folder.*{STEM}"):
        publish(archive)
    with pytest.raises(UsageError, match="no such release folder"):
        publish(tmp_path / "none")


@pytest.mark.usefixtures("light")
def test_a_version_that_is_not_newer(folder: Path, zenodo: ZenodoServer) -> None:
    for version in ("1.2.2", "1.10.0"):
        zenodo.seed(concept=90, submitted=True, notes=f"Release {NAME} {version}, made with amlsynth 0.1.0.")
    with pytest.raises(UsageError, match=r"wrong version step: 1\.10\.0 is published, and 1\.2\.3"):
        publish(folder)
    assert zenodo.drafts() == []


@pytest.fixture(scope="session")
def too_small_a_step(
    built: ReleaseResult, tmp_path_factory: pytest.TempPathFactory, write_spec: WriteSpec
) -> Path:
    """Version 1.2.4 with other data, which asks for 1.3.0."""
    from tests.release.conftest import fake_report, neither_evaluated_nor_drawn

    evaluation = read_evaluation(built.folder / "evaluation.json")
    folder = tmp_path_factory.mktemp("step")
    spec = write_spec(
        folder / "spec", version="1.2.4", generator={"name": "sequential-cart", "n": 40, "seed": 99}
    )

    def page(directory: Path, out: Path, pdf: Path, **options: str) -> None:
        fake_report(directory, out, pdf, **options)
        places = "".join(f'<span class="amlsynth-{name}">none</span>' for name in ("doi", "status"))
        out.write_text(f"{out.read_text()}{places}", encoding="utf-8")

    with neither_evaluated_nor_drawn(evaluation, page):
        return build_release(spec, folder / "out").folder


@pytest.mark.parametrize("where", ["named", "beside"])
def test_a_wrong_version_step(
    too_small_a_step: Path, built: ReleaseResult, zenodo: ZenodoServer, tmp_path: Path, where: str
) -> None:
    folder = Path(shutil.copytree(too_small_a_step, tmp_path / "r" / f"{NAME}-1.2.4"))
    zenodo.seed(submitted=True, notes=f"Release {NAME} 1.2.3, made with amlsynth 0.1.0.")
    previous = built.archive
    if where == "beside":
        shutil.copy(built.archive, folder.parent)
        previous = None
    with pytest.raises(DataError, match=r"wrong version step.* minor step, so for 1\.3\.0 or later"):
        publish(folder, previous=previous)
    assert zenodo.drafts() == []


def test_a_previous_version_that_is_not_the_published_one(
    too_small_a_step: Path, built: ReleaseResult, zenodo: ZenodoServer, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(too_small_a_step, tmp_path / "r" / f"{NAME}-1.2.4"))
    zenodo.seed(submitted=True, notes=f"Release {NAME} 1.0.0, made with amlsynth 0.1.0.")
    with pytest.raises(UsageError, match=r"this is version 1\.2\.3, and the newest .* 1\.0\.0"):
        publish(folder, previous=built.archive)


@pytest.mark.usefixtures("light")
def test_records_that_are_not_versions_of_one(folder: Path, zenodo: ZenodoServer) -> None:
    for version in ("1.0.0", "1.1.0"):
        zenodo.seed(submitted=True, notes=f"Release {NAME} {version}, made with amlsynth 0.1.0.")
    with pytest.raises(UsageError, match="--new-version-of which one"):
        publish(folder)


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("doi", ["10.1038/s41746-024-01076-x", "zenodo", "10.5281/zenodo.abc", "1" * 20])
def test_a_doi_that_is_none_of_zenodo(folder: Path, zenodo: ZenodoServer, doi: str) -> None:
    refused(folder, zenodo, "no DOI of Zenodo", new_version_of=doi)


@pytest.mark.usefixtures("light")
def test_a_concept_that_does_not_exist(folder: Path, zenodo: ZenodoServer) -> None:
    refused(folder, zenodo, "no published record 999", new_version_of="10.5281/zenodo.999")


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "not as amlsynth release publish writes it"),
        ("[" * 100_000, "not as amlsynth release publish writes it"),
        ('{"name": "small-test", "version": "1.2.3", "token": "x"}', "not as amlsynth"),
        ('{"name": "small-test", "version": "9.9.9"}', "is of small-test 9.9.9"),
    ],
)
def test_a_broken_state(folder: Path, zenodo: ZenodoServer, content: str, problem: str) -> None:
    (folder / "publish.json").write_text(content)
    refused(folder, zenodo, problem)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_a_state_that_is_a_link(folder: Path, zenodo: ZenodoServer, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.json").write_text('{"name": "small-test", "version": "1.2.3"}')
    (folder / "publish.json").symlink_to(tmp_path / "elsewhere.json")
    refused(folder, zenodo, "link or special file")


@pytest.mark.usefixtures("light")
def test_a_spec_that_this_version_does_not_read(
    folder: Path, zenodo: ZenodoServer, reseal: Callable[[Path], None]
) -> None:
    text = "name: small-test\nnew_key: 1\n"
    made = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    made["spec"] |= {"text": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    (folder / "provenance.json").write_text(json.dumps(made), encoding="utf-8")
    reseal(folder)
    error = refused(folder, zenodo, "provenance.json, the spec in it:2: new_key: unknown key")
    assert "/tmp" not in str(error)


def test_a_second_publishing_beside_the_first(folder: Path, zenodo: ZenodoServer) -> None:
    with checks.only_one(folder):
        refused(folder, zenodo, "another amlsynth is publishing")


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((200, b"<html>Please log in</html>"), "login page or a proxy"),
        ((200, b"{}"), "no list of depositions"),
        ((200, b'[{"id": "no number"}]'), "not as this version of amlsynth reads it, at id"),
        ((418, b'{"message": "I am\\u0007 a teapot"}'), r"refused a request \(418, GET\): I am  a teapot"),
        ((403, b"{}"), r"refused the token .*\(403, GET\)"),
    ],
)
def test_an_answer_that_makes_no_sense(
    folder: Path, zenodo: ZenodoServer, answer: tuple[int, bytes], problem: str
) -> None:
    zenodo.answer = answer
    refused(folder, zenodo, problem)


@pytest.mark.usefixtures("light")
def test_the_token_never_goes_to_another_server(
    folder: Path, zenodo: ZenodoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = zenodo.shown

    def elsewhere(record: Any) -> dict[str, Any]:
        return plain(record) | {"links": {"bucket": "https://evil.example/api/files/x"}}

    monkeypatch.setattr(zenodo, "shown", elsewhere)
    with pytest.raises(DataError, match="link to another server"):
        publish(folder)


@pytest.mark.usefixtures("light")
def test_the_token_travels_in_the_header_only(folder: Path, zenodo: ZenodoServer) -> None:
    publish(folder)
    for (method, path), headers in zip(zenodo.log, zenodo.headers, strict=True):
        sent = headers.get("Authorization")  # what is public is fetched as anybody does
        assert sent == f"Bearer {TOKEN}" or (sent is None and method == "GET"), path
    assert not [path for _, path in zenodo.log if "token" in path.lower() or TOKEN in path]
    for _, path in _files(folder):
        assert TOKEN.encode() not in path.read_bytes()


def test_redact() -> None:
    text = f"GET https://x/api?access_token=abc&q=1 {TOKEN} tok%2Fen%2Bof%3Dthe-test-account"
    assert redact(text, TOKEN) == "GET https://x/api?access_token=***&q=1 *** ***"


@pytest.mark.usefixtures("light")
def test_an_answer_that_repeats_the_token_is_redacted(folder: Path, zenodo: ZenodoServer) -> None:
    zenodo.answer = (400, json.dumps({"message": f"bad token {TOKEN}"}).encode())
    refused(folder, zenodo, r"bad token \*\*\*")


def test_servers_and_their_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_server(sandbox=False, environ={}) is ZENODO
    assert choose_server(sandbox=True, environ={}) is SANDBOX
    assert find_token(ZENODO, {"ZENODO_API_TOKEN": " abcdefgh\n"}) == "abcdefgh"
    assert find_token(SANDBOX, {"ZENODO_SANDBOX_API_TOKEN": "abcdefgh"}) == "abcdefgh"
    stored = {("amlsynth", "zenodo-sandbox"): "from-the-keyring"}
    fake = types.SimpleNamespace(get_password=lambda service, user: stored.get((service, user)))
    monkeypatch.setitem(sys.modules, "keyring", fake)
    assert find_token(SANDBOX, {}) == "from-the-keyring"
    with pytest.raises(UsageError, match="keyring set amlsynth zenodo"):
        find_token(ZENODO, {"ZENODO_SANDBOX_API_TOKEN": "abcdefgh"})
    # A token for Zenodo is not sent to a server that the variable names.
    other = choose_server(sandbox=False, environ={"AMLSYNTH_ZENODO_URL": "https://zenodo.example"})
    with pytest.raises(UsageError, match="AMLSYNTH_ZENODO_TOKEN"):
        find_token(other, {"ZENODO_API_TOKEN": "abcdefgh"})


@pytest.mark.parametrize(
    "url",
    ["http://zenodo.org", "ftp://127.0.0.1", "zenodo.org", "https://user:pw@x", "http://[", "https://x?a=1"],
)
def test_a_server_that_is_not_safe(url: str) -> None:
    with pytest.raises(UsageError, match="AMLSYNTH_ZENODO_URL"):
        choose_server(sandbox=False, environ={"AMLSYNTH_ZENODO_URL": url})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, None), ("12", 12.0), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("-3", None)],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    headers = {} if text is None else {"Retry-After": text}
    assert retry_after(429, headers) == retry_after(503, headers) == seconds
    assert retry_after(200, headers) is retry_after(500, headers) is None


def test_a_netrc_does_not_replace_the_token(
    zenodo: ZenodoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with Client(choose_server(sandbox=False), TOKEN) as client:
        assert client.get("deposit/depositions") == []


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return int(caught.value.code or 0)


def test_the_command_line(
    folder: Path, zenodo: ZenodoServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("release", "publish", folder, "--dry-run", "--confirm") == 0
    out = capsys.readouterr().out
    assert "none was made" in out and zenodo.log == [] and TOKEN not in out
    assert f"POST {zenodo.base}/api/deposit/depositions/{{DRAFT}}/actions/publish" in out
    assert f"PUT {{BUCKET}}/{STEM}.zip" in out and "0000-0002-1825-0097" in out
    assert run("release", "publish", folder) == 0
    out = capsys.readouterr().out
    assert "draft with the reserved DOI 10.5072/zenodo." in out and "--confirm" in out
    assert zenodo.published() == []
    assert run("release", "publish", folder, "--confirm") == 0
    assert "published as https://doi.org/10.5072/zenodo." in capsys.readouterr().out
    assert run("release", "publish", folder, "--confirm") == 2
    assert "is published already" in capsys.readouterr().err
    assert run("release", "verify", folder) == 0
    monkeypatch.setenv("AMLSYNTH_ZENODO_TOKEN", "a-wrong-token")
    shutil.rmtree(folder.parent)
    assert run("release", "publish", folder) == 2


@pytest.mark.usefixtures("light")
def test_a_traceback_shows_no_token(
    folder: Path, zenodo: ZenodoServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amlsynth.release.zenodo.client._TRIES", 1)
    zenodo.fail = lambda *_: "no answer"
    assert run("--debug", "release", "publish", folder) == 2
    captured = capsys.readouterr()
    assert "Traceback" in captured.err and TOKEN not in captured.err + captured.out


def test_the_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("publish", "diff", "build"):
        assert run("release", command, "--help") == 0
        assert f"amlsynth release {command} " in capsys.readouterr().out.partition("Example")[2]
