"""Releases: spec, build, verification, comparison and publication.

Imported on first use, since `amlsynth.load` needs a part of this package and none of the evaluation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amlsynth.foundation.room import lazy_names

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

__getattr__ = lazy_names(
    __name__,
    {
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
    },
)
