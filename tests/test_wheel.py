"""The wheel carries all it needs: installed into an empty environment, the demo runs from elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from amlsynth.cohort.tables import write_table
from browser import print_page


def _clean_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def _run(*command: object, cwd: Path, **environment: str) -> str:
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=_clean_environment() | environment,
        capture_output=True,
        text=True,
    )
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
    """Install the wheel, run commands, then add what makes releases: numpy and pandas are unpacked once."""
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    _run(*build, repository, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "empty"
    venv.create(environment)
    _install(environment, wheel, repository)
    (folder / "elsewhere").mkdir()
    write_table(reference, folder / "elsewhere" / "c.csv")
    core = {
        name: subprocess.run(
            [environment / "bin" / program, *arguments],
            cwd=folder / "elsewhere",
            env=_clean_environment(),
            capture_output=True,
            text=True,
        )
        for name, (program, *arguments) in CORE.items()
    }
    _install(environment, f"{wheel}[generate,private,report,publish]", repository)
    return Installed(environment, core)


# What is asked of the wheel without extras. The last three need one.
CORE = {
    "validate": ["amlsynth", "validate", "c.csv"],
    "load": ["python", "-c", "import amlsynth; print(len(amlsynth.load('aml-reference', offline=True)))"],
    "reference": ["amlsynth", "cohort", "reference", "--out", "r.csv"],
    "generate": ["amlsynth", "generate", "--cohort", "c.csv", "--seed", "1", "--out", "s.csv"],
    "evaluate": ["amlsynth", "evaluate", "--original", "c.csv", "--synthetic", "c.csv", "--out", "e"],
}


def _install(environment: Path, what: object, repository: Path) -> None:
    """Install with the pip of this environment; modules are compiled where they are imported."""
    pip = (sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install")
    constraints = str(repository / "constraints.txt")
    _run(*pip, "--quiet", "--no-compile", what, cwd=environment, PIP_CONSTRAINT=constraints)


@pytest.fixture(scope="module")
def environment(installed: Installed) -> Path:
    """An environment with the wheel and what makes releases; commands run in `elsewhere` beside it."""
    return installed.environment


@pytest.fixture(scope="module")
def demo(environment: Path) -> str:
    """What the demo says that was run elsewhere, into the folder `here`."""
    amlsynth = environment / "bin" / "amlsynth"
    return _run(amlsynth, "demo", "--out", "here", "--n", 800, cwd=environment.parent / "elsewhere")


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
    for generator in ("nflow", "ctabgan-plus"):  # which need torch
        command = ["generate", "--cohort", data, "--generator", generator, "--seed", "1", "--out", "s.csv"]
        result = subprocess.run(
            [environment / "bin" / "amlsynth", *command], cwd=elsewhere, capture_output=True, text=True
        )
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
    sheet = tmp_path / "report.pdf"
    if way == "browser":
        print_page(folder / "report.html", sheet)
    else:
        amlsynth = environment / "bin" / "amlsynth"
        _run(amlsynth, "report", folder, "--out", "r.html", "--pdf", sheet, cwd=tmp_path)
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
