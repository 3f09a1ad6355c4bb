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
# Hundreds of files of gigabytes, which only the builds of torch with CUDA want; pip gets them where it takes one.
CUDA = re.compile(r"^(?:nvidia|cuda|triton)[\w-]*==.*(?:\n +--hash.*)*\n", re.MULTILINE)
# The build without CUDA has its own index, which uv would prefer in everything: its file stands beside the others.
TORCH = "torch==2.13.0"
WITHOUT_CUDA = "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"  # CPython 3.11, Linux, x86-64


def main() -> None:
    extras = ("generate", "private", "report", "publish")
    # mkdocs-material asks for Python 3.11.5; every system and every later Python is looked at.
    everywhere = ("--universal", "--python-version", "3.11.5")
    lock("build", "hatchling>=1.25\nsetuptools>=77\n", *everywhere)
    lock("use", ".[{}]".format(",".join(extras)), *everywhere)
    dev = lock("dev", ".[dev]", *everywhere)
    text = CUDA.sub("", dev.read_text(encoding="utf-8"))
    if f"\n{TORCH} \\\n" not in text:
        sys.exit(f"Error: {dev} has another version of torch than {TORCH}: put its hash into {__file__}.")
    dev.write_text(text.replace(f"{TORCH} \\\n", f"{TORCH} \\\n    --hash=sha256:{WITHOUT_CUDA} \\\n"), encoding="utf-8")
    # For the Python and the system that it is tested with: its pins have no version for every other.
    lock("synthcity", ".[generate,synthcity]\npytest>=8\nhatchling>=1.25\n", "--python-version", "3.11")


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
