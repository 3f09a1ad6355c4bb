"""Releases: spec, build and verification.

Imported on first use, since `amlsynth.load` needs a part of this package and none of the evaluation.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amlsynth.release.build import ReleaseResult, build_release
    from amlsynth.release.exporting import export_release
    from amlsynth.release.spec import ReleaseSpec, read_spec
    from amlsynth.release.verify import VerifyReport, verify_release

__all__ = [
    "ReleaseResult",
    "ReleaseSpec",
    "VerifyReport",
    "build_release",
    "export_release",
    "read_spec",
    "verify_release",
]

_HOMES = {
    "ReleaseResult": "build",
    "ReleaseSpec": "spec",
    "VerifyReport": "verify",
    "build_release": "build",
    "export_release": "exporting",
    "read_spec": "spec",
    "verify_release": "verify",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'amlsynth.release' has no attribute {name!r}")
    found = getattr(import_module(f"amlsynth.release.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
