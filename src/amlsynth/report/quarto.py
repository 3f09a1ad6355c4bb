"""Rendering with Quarto, where it is installed."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

from amlsynth.foundation.errors import UsageError
from amlsynth.report.cells import (
    AUDIENCE_VARIABLE,
    DATA_VARIABLE,
    DICTIONARY_VARIABLE,
    FOOTER_VARIABLE,
)

ENGINE_VARIABLE = "AMLSYNTH_REPORT_ENGINE"
_LAST_LINES = 12


_log = logging.getLogger(__name__)


def missing() -> str | None:
    """Return why Quarto cannot be used here, as the end of a sentence, or None when it can."""
    if shutil.which("quarto") is None:
        return "Quarto was not found"
    for module in ("nbformat", "nbclient", "ipykernel"):
        if importlib.util.find_spec(module) is None:
            return f"Quarto needs the package {module}, which is not installed"
    return None


def render(
    document: Path,
    data: Path,
    html: Path | None,
    pdf: Path | None,
    dictionary: Path,
    audience: str = "regulator",
) -> None:
    """Render a .qmd file in its folder with the quarto on the PATH, under the dictionary in a file.

    Raises
    ------
    UsageError
        Quarto is not there or failed; the message ends with its last lines.
    """
    executable = shutil.which("quarto")
    if executable is None:
        raise UsageError(
            f"Quarto was not found on the PATH. Install it (https://quarto.org), or set "
            f"{ENGINE_VARIABLE}=fallback to render without it."
        )
    environment = {
        **os.environ,
        "QUARTO_PYTHON": sys.executable,
        DATA_VARIABLE: str(data.resolve()),
        DICTIONARY_VARIABLE: str(dictionary.resolve()),
        AUDIENCE_VARIABLE: audience,
        FOOTER_VARIABLE: f"Rendered by Quarto{_version(executable)}.",
    }
    if html is not None:
        _run(executable, document, "html", html, environment)
    if pdf is not None:
        _run(executable, document, "typst", pdf, environment)


def _run(executable: str, document: Path, to: str, target: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [executable, "render", document.name, "--to", to],
        cwd=document.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    made = document.with_suffix(".html" if to == "html" else ".pdf")
    if done.returncode or not made.is_file():
        lines = "\n".join(done.stdout.rstrip().splitlines()[-_LAST_LINES:]) or "(it said nothing)"
        raise UsageError(
            f"Quarto could not render the report as {to} (exit code {done.returncode}). Its last lines:\n"
            f"{lines}\nTo render without Quarto, set {ENGINE_VARIABLE}=fallback."
        )
    for line in done.stdout.splitlines():
        if "WARN" in line.upper():
            _log.warning("Quarto, %s: %s", to, line.strip())
    shutil.copyfile(made, target)


def _version(executable: str) -> str:
    try:
        done = subprocess.run(
            [executable, "--version"], capture_output=True, encoding="utf-8", timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    word = done.stdout.strip()
    return f" {word}" if done.returncode == 0 and word and " " not in word else ""
