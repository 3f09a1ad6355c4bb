"""What a rebuild of a release to the same bytes needs, as its provenance records it."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import platform
import sys
import zlib
from collections.abc import Mapping
from typing import Any

from amlsynth.foundation.kernels import blas_kernels

ZLIB = "zlib"  # of this Python, which deflates the archive
# The packages whose version can change the data or a figure.
_MATTERS = (
    "numpy", "pandas", "pyarrow", "pydantic", "pandera", "scipy", "scikit-learn", "lifelines",
    "statsmodels", "matplotlib", "pypandoc_binary", "typst", "torch", "zuko", "synthcity", "pyreadstat",
    "odmlib",
)  # fmt: skip


def environment() -> dict[str, Any]:
    """Return what a rebuild to the same bytes needs: Python, platform, package versions and kernels."""
    return {
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "packages": dict(_installed()),
        "kernels": blas_kernels(),
    }


@functools.cache
def _installed() -> Mapping[str, str]:
    """Return the versions of the packages that matter, whose metadata are parsed once a process."""
    packages = {}
    for name in _MATTERS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            packages[name] = importlib.metadata.version(name)
    return packages | {ZLIB: zlib.ZLIB_RUNTIME_VERSION}
