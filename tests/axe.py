"""axe-core, the checker of WCAG, for tests in headless Chromium: found where it is, or fetched once by npm.

Looked for are the file that AMLSYNTH_AXE names, the Python package axe_core_python, and node_modules of
the repository; else npm is asked, where it is installed and reaches its registry. Tests are skipped with the
reason where all of that fails.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from browser import Browser

REPOSITORY = Path(__file__).resolve().parent.parent
VERSION = "4.10.3"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
_NPM_PATIENCE = 60  # seconds
# Widths, and whether dark: axe takes most of its time for contrast, which hangs on the scheme and not on the
# width. CONTRAST, which is quick, is for all four.
SCREENS = ((1280, False), (360, True))

# WCAG 2.1: contrast of every text that is shown against the nearest background that is not clear.
CONTRAST = """(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const channel = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgb(getComputedStyle(e).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  let least = 21;
  for (const element of document.body.querySelectorAll("*")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!text || element.offsetParent === null || element.tagName === "SCRIPT") continue;
    const [a, b] = [light(rgb(getComputedStyle(element).color)), light(behind(element))];
    least = Math.min(least, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return least;
})()"""


@cache
def axe_source() -> str:
    """Return the script of axe-core; skips the test, with the reason, where it cannot be had."""
    for path in _places():
        if path.is_file():
            return path.read_text(encoding="utf-8")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("axe-core is not here: pip install axe-core-python, or name axe.min.js in AMLSYNTH_AXE")
    with tempfile.TemporaryDirectory(prefix="amlsynth-axe-") as folder:
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", f"axe-core@{VERSION}"]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_NPM_PATIENCE)
            return (Path(folder) / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"axe-core is not here and npm did not bring it ({type(error).__name__})")


def _places() -> list[Path]:
    found = [Path(os.environ["AMLSYNTH_AXE"])] if "AMLSYNTH_AXE" in os.environ else []
    spec = importlib.util.find_spec("axe_core_python")
    found += [Path(spec.origin).parent / "axe.min.js"] if spec and spec.origin else []
    return [*found, REPOSITORY / "node_modules/axe-core/axe.min.js"]


def violations(browser: Browser, page: Path, *, width: int, dark: bool, before: str = "") -> list[str]:
    """Return what axe finds wrong with a page, one line for each rule, with the first elements.

    `before` is JavaScript that is run first, such as one that unfolds what is folded.
    """
    options = json.dumps({"runOnly": list(RULES), "resultTypes": ["violations"]})
    script = f"{axe_source()}; {before}; axe.run({options}).then(found => JSON.stringify(found.violations))"
    found: list[dict[str, Any]] = json.loads(browser.page(page, width=width, dark=dark, script=script).result)
    return [
        f"{rule['id']} ({len(rule['nodes'])}): {[node['html'][:120] for node in rule['nodes'][:3]]}"
        for rule in found
    ]
