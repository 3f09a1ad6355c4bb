"""The wheel carries all it needs: installed into an empty environment, the demo runs from elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections import Counter
from dataclasses import dataclass
from importlib import metadata
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pandas as pd
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.shared_builds import ROUGH

from amlsynth.cohort.tables import write_table
from browser import print_page


def _clean_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def _done(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=_clean_environment(), capture_output=True, text=True
    )


def _run(*command: object, cwd: Path) -> str:
    result = _done(*command, cwd=cwd)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@dataclass(frozen=True)
class Installed:
    """An environment that had the wheel alone, and then its extras; `core` is what commands said before."""

    environment: Path
    core: dict[str, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def installed(
    repository: Path, reference: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """Install the wheel, run commands, then add what makes releases."""
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    _run(*build, repository, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "empty"
    venv.create(environment)
    python = environment / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile", "--no-deps")
    _run(*pip, wheel, cwd=folder)
    site = Path(
        _run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    )
    _link(site, "amlsynth")
    (folder / "elsewhere").mkdir()
    write_table(reference, folder / "elsewhere" / "c.csv")
    core = {
        name: _done(environment / "bin" / program, *arguments, cwd=folder / "elsewhere")
        for name, (program, *arguments) in CORE.items()
    }
    core |= dict(zip(NEED_EXTRA, _commands(environment, *NEED_EXTRA.values()), strict=True))
    _link(site, "amlsynth[generate,private,report,publish]")
    return Installed(environment, core)


# What is asked of the wheel without extras, and what needs one.
CORE = {
    "validate": ["amlsynth", "validate", "c.csv"],
    "load": ["python", "-c", "import amlsynth; print(len(amlsynth.load('aml-reference', offline=True)))"],
}
NEED_EXTRA = {
    "reference": ["cohort", "reference", "--out", "r.csv"],
    "generate": ["generate", "--cohort", "c.csv", "--seed", "1", "--out", "s.csv"],
    "evaluate": ["evaluate", "--original", "c.csv", "--synthetic", "c.csv", "--out", "e"],
}
# Commands one after another in one process, since most of a process is its imports.
COMMANDS = """
import contextlib, io, json, sys
from amlsynth.cli import main
for command in json.loads(sys.argv[1]):
    out, errors = io.StringIO(), io.StringIO()
    code = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            main(command)
        except SystemExit as end:
            code = end.code
    print(json.dumps([code, out.getvalue(), errors.getvalue()]))
"""


def _commands(environment: Path, *commands: list[str]) -> list[subprocess.CompletedProcess[str]]:
    """Return what commands of the environment say, run in `elsewhere` beside it."""
    python, elsewhere = environment / "bin" / "python", environment.parent / "elsewhere"
    lines = _run(python, "-c", COMMANDS, json.dumps(commands), cwd=elsewhere).splitlines()
    return [subprocess.CompletedProcess(c, *json.loads(x)) for c, x in zip(commands, lines, strict=True)]


def _link(site: Path, wanted: str) -> None:
    """Put what a package requires, and what that requires, into an environment that has the package.

    pip would unpack half a gigabyte; here files of the environment of the tests are linked, of those packages
    alone that the metadata name, so that one that is not named is missed.
    """
    found: set[tuple[str, str]] = set()
    queue = [Requirement(wanted)]
    while queue:
        asked = queue.pop()
        name = canonicalize_name(asked.name)
        own = next(iter(distributions(name=name, path=[str(site)])), None)
        distribution = own or metadata.distribution(name)
        for extra in ("", *asked.extras):
            if (name, extra) in found:
                continue
            found.add((name, extra))
            for line in distribution.requires or ():
                required = Requirement(line)
                if required.marker is None or required.marker.evaluate({"extra": extra}):
                    queue.append(required)
        if own is None:
            _link_files(site, distribution)


def _link_files(site: Path, distribution: Distribution) -> None:
    """Link the files of a package, and a folder of many as a whole, what was compiled with it."""
    files = [file for file in distribution.files or () if ".." not in file.parts and file.suffix != ".pyc"]
    counts = Counter(file.parts[0] for file in files)
    whole = {file.parts[0] for file in files if file.parts[1:] == ("__init__.py",)}
    whole = {name for name in whole if counts[name] > 50}  # small ones may be shared by several packages
    for name in sorted(whole):
        _symlink(site / name, Path(str(distribution.locate_file(name))).resolve())
    for file in files:
        if file.parts[0] not in whole:
            _symlink(site / file, Path(str(distribution.locate_file(file))).resolve())


def _symlink(place: Path, source: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(source)


@pytest.fixture(scope="module")
def environment(installed: Installed) -> Path:
    """An environment with the wheel and what makes releases; commands run in `elsewhere` beside it."""
    return installed.environment


# The demo with every step and figure, of fewer draws; of the figures in the appendix, which are many, one is
# drawn for each width.
SMALLER_DEMO = f"""
import importlib
from amlsynth.cli import main
from amlsynth.report import forest
for name, number in {ROUGH!r}.items():
    module, _, constant = f"amlsynth.evaluation.{{name}}".rpartition(".")
    setattr(importlib.import_module(module), constant, number)
draw, drawn = forest._draw_one, {{}}
def draw_once(path, width, **what):
    if width not in drawn:
        draw(path, width, **what)
        drawn[width] = path.read_bytes()
    path.write_bytes(drawn[width])
forest._draw_one = draw_once
main(["demo", "--out", "here", "--n", "400"])
"""


@pytest.fixture(scope="module")
def demo(environment: Path) -> str:
    """What the demo says that was run elsewhere, into the folder `here`, of a smaller original and prior."""
    (spec,) = environment.rglob("site-packages/amlsynth/_data/release/aml-reference.yaml")
    content = yaml.safe_load(spec.read_text(encoding="utf-8"))
    content["cohort"]["n"] = 600
    content["generator"]["params"] = {"pool": 10_000}
    spec.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return _run(environment / "bin" / "python", "-c", SMALLER_DEMO, cwd=environment.parent / "elsewhere")


@pytest.mark.slow
def test_demo_from_the_installed_wheel(environment: Path, demo: str) -> None:
    elsewhere, python = environment.parent / "elsewhere", environment / "bin" / "python"
    assert "verified" in demo
    folder = next((elsewhere / "here").glob("aml-reference-*/"))
    assert (folder / "PRIVACY.md").exists() and not (folder / "report.html").exists()
    assert (elsewhere / "here" / "internal" / folder.name / "report.html").stat().st_size > 50_000
    where = _run(python, "-c", "import amlsynth; print(amlsynth.__file__)", cwd=elsewhere)
    assert str(environment) in where
    data = next((folder / "data").glob("*.csv"))
    command = ["generate", "--cohort", str(data), "--seed", "1", "--out", "s.csv", "--generator"]
    for result in _commands(environment, [*command, "nflow"], [*command, "ctabgan-plus"]):  # need torch
        assert result.returncode == 2
        assert "pip install 'amlsynth[neural]'" in result.stderr


def _core_pages(pdf: Path) -> int:
    """Return how many pages of a report come before its appendix, or begin before it."""
    text = subprocess.run(
        ["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True
    ).stdout
    pages = [[line.strip() for line in page.splitlines() if line.strip()] for page in text.split("\f")]
    place = next(number for number, lines in enumerate(pages) if "Appendix" in lines)
    above = pages[place].index("Appendix")
    return place + (above > 2)  # the running head and the number of the page are no part of the core


@pytest.mark.slow
@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("way", ["typst", "browser"])
def test_the_core_of_its_report_has_twelve_pages_at_most(environment: Path, tmp_path: Path, way: str) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("the pages of the report were NOT COUNTED: pdftotext is not installed (poppler-utils)")
    (folder,) = (environment.parent / "elsewhere" / "here" / "internal").glob("aml-reference-*/")
    sheet = folder / "report.pdf"  # as the demo wrote it
    if way == "browser":
        sheet = tmp_path / "report.pdf"
        print_page(folder / "report.html", sheet)
    assert 6 < _core_pages(sheet) <= 12


@pytest.mark.slow
def test_core_install_validates_and_names_the_extras(installed: Installed) -> None:
    core = installed.core
    for name in ("validate", "load"):
        assert core[name].returncode == 0, core[name].stdout + core[name].stderr
    assert "0 errors" in core["validate"].stdout
    assert core["load"].stdout == "1606\n"
    for name in ("reference", "generate", "evaluate"):
        assert core[name].returncode == 2
        assert "pip install 'amlsynth[generate]'" in core[name].stderr
