"""Checkers of HTML that others wrote: html5lib always, and the W3C's Nu checker (vnu) where it and Java are.

The jar of vnu is looked for where AMLSYNTH_VNU says and in node_modules of the repository; else npm is asked
once, where Java is installed. Without it the test says so and html5lib's strict parser stands alone.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
_NPM_PATIENCE = 120  # seconds
_JAR = Path("node_modules/vnu-jar/build/dist/vnu.jar")


def parse_errors(page: Path) -> list[str]:
    """Return what html5lib, which follows the HTML standard, calls an error of a page."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of html5lib's own code
        html5lib = pytest.importorskip("html5lib", reason="pip install 'amlsynth[dev]' brings html5lib")
        parser = html5lib.HTMLParser()
        parser.parse(page.read_text(encoding="utf-8"))
    return [f"{page.name}: line {place[0]}, {code} {values}" for place, code, values in parser.errors]


@cache
def vnu() -> Path:
    """Return the jar of vnu; skips the test, with the reason, where it cannot be had or run."""
    if shutil.which("java") is None:
        pytest.skip("vnu was NOT RUN: it needs Java (Debian's default-jre-headless)")
    named = [Path(os.environ["AMLSYNTH_VNU"])] if "AMLSYNTH_VNU" in os.environ else []
    for path in (*named, REPOSITORY / _JAR):
        if path.is_file():
            return path
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("vnu was NOT RUN: name vnu.jar in AMLSYNTH_VNU, or install npm")
    folder = Path(tempfile.mkdtemp(prefix="amlsynth-vnu-"))
    command = [npm, "install", "--silent", "--no-audit", "--no-fund", "vnu-jar"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_NPM_PATIENCE)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"vnu was NOT RUN: npm did not bring it ({type(error).__name__})")
    return folder / _JAR


def vnu_errors(pages: Iterable[Path]) -> list[str]:
    """Return what the Nu checker calls an error of pages, styles among it; its advice is left out."""
    # A short run is done before the second compiler and the collector's threads have earned what they cost.
    java = ["java", "-Xss4m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    command = [*java, "-jar", str(vnu()), "--errors-only", "--format", "json", *map(str, pages)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [
        f"{message['url'].rpartition('/')[2]}: {message['message']} {message.get('extract', '')[:120]!r}"
        for message in json.loads(done.stderr)["messages"]
        if message["type"] != "info"
    ]
