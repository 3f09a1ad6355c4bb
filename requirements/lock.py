"""Write the pinned versions and hashes of every package again: `make lock`, after pyproject.toml changed.

    python requirements/lock.py [--upgrade]

What is pinned stays where it still fits; with --upgrade everything is taken as new as it can be.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
# Left out, and fetched with the package itself: torch, in the version of pyproject.toml. Its builds differ
# from index to index, and with hashes pip would take gigabytes of CUDA where a build without it lies at hand.
TORCH = re.compile(r"^(?:torch|nvidia-|cuda-|triton)[\w-]*==.*(?:\n +--hash.*)*\n", re.MULTILINE)


def main() -> None:
    extras = ("generate", "private", "report", "publish")
    # mkdocs-material asks for Python 3.11.5; every system and every later Python is looked at.
    everywhere = ("--universal", "--python-version", "3.11.5")
    lock("build", "editables>=0.5\nhatchling>=1.25\nsetuptools>=77\n", *everywhere)
    lock("use", ".[{}]".format(",".join(extras)), *everywhere)
    dev = lock("dev", ".[dev]", *everywhere)
    dev.write_text(TORCH.sub("", dev.read_text(encoding="utf-8")), encoding="utf-8")
    # For the Python and the system that it is tested with: its pins have no version for every other.
    synthcity = ".[generate,synthcity]\npytest>=8\neditables>=0.5\nhatchling>=1.25\n"
    lock("synthcity", synthcity, "--python-version", "3.11")


def lock(name: str, wanted: str, *options: str) -> Path:
    """Write requirements/NAME.txt, for packages as they are asked for of pip."""
    file = HERE / f"{name}.txt"
    command = [
        *(str(Path(sys.executable).with_name("uv")), "pip", "compile", "-", "--quiet"),
        *("--generate-hashes", "--no-annotate", "--no-emit-package", "amlsynth"),
        *("--custom-compile-command", "make lock", "--output-file", str(file)),
    ]
    subprocess.run([*command, *options, *sys.argv[1:]], input=wanted, text=True, cwd=HERE.parent, check=True)
    return file


if __name__ == "__main__":
    main()
