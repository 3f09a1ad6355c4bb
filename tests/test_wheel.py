"""The wheel carries all it needs: installed into an empty environment, the demo runs from elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pandas as pd
import pytest

from amlsynth.cohort.tables import write_table
from browser import print_page


def _run(*command: object, cwd: Path, **environment: str) -> str:
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def environment(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and what makes releases; commands run in `elsewhere` beside it."""
    tmp_path = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path)
    _run(*build, repository, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    environment = tmp_path / "empty"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    constraints = str(repository / "constraints.txt")
    extras = f"{wheel}[generate,private,report,publish]"
    _run(python, "-m", "pip", "install", "--quiet", extras, cwd=tmp_path, PIP_CONSTRAINT=constraints)
    (tmp_path / "elsewhere").mkdir()
    return environment


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
def test_core_install_validates_and_names_the_extras(
    repository: Path, reference: pd.DataFrame, tmp_path: Path
) -> None:
    write_table(reference, tmp_path / "c.csv")
    environment = tmp_path / "core"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    constraints = str(repository / "constraints.txt")
    _run(python, "-m", "pip", "install", "--quiet", repository, cwd=tmp_path, PIP_CONSTRAINT=constraints)
    amlsynth = environment / "bin" / "amlsynth"
    assert "0 errors" in _run(amlsynth, "validate", "c.csv", cwd=tmp_path)
    code = "import amlsynth; print(len(amlsynth.load('aml-reference', offline=True)))"
    assert _run(python, "-c", code, cwd=tmp_path) == "1606\n"
    for command in (
        ["cohort", "reference", "--out", "r.csv"],
        ["generate", "--cohort", "c.csv", "--seed", "1", "--out", "s.csv"],
        ["evaluate", "--original", "c.csv", "--synthetic", "c.csv", "--out", "e"],
    ):
        result = subprocess.run([amlsynth, *command], cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 2
        assert "pip install 'amlsynth[generate]'" in result.stderr
