"""Releases: spec, build, verification, comparison and publication.

Imported on first use, since `amlsynth.load` needs a part of this package and none of the evaluation.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amlsynth.release.build import ReleaseResult, build_release
    from amlsynth.release.compare import ReleaseDiff, compare_releases
    from amlsynth.release.exporting import export_release
    from amlsynth.release.spec import ReleaseSpec, read_spec
    from amlsynth.release.verify import VerifyReport, verify_release
    from amlsynth.release.zenodo.publish import PublishResult, publish_release

__all__ = [
    "PublishResult",
    "ReleaseDiff",
    "ReleaseResult",
    "ReleaseSpec",
    "VerifyReport",
    "build_release",
    "compare_releases",
    "export_release",
    "publish_release",
    "read_spec",
    "verify_release",
]

_HOMES = {
    "PublishResult": "zenodo.publish",
    "ReleaseDiff": "compare",
    "ReleaseResult": "build",
    "ReleaseSpec": "spec",
    "VerifyReport": "verify",
    "build_release": "build",
    "compare_releases": "compare",
    "export_release": "exporting",
    "publish_release": "zenodo.publish",
    "read_spec": "spec",
    "verify_release": "verify",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'amlsynth.release' has no attribute {name!r}")
    found = getattr(import_module(f"amlsynth.release.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
