"""The reference data set that comes with the package, so that `load` has one by name without the net."""

from __future__ import annotations

import shutil
from pathlib import Path

from amlsynth.foundation.assets import asset
from amlsynth.foundation.defaults import BUNDLED
from amlsynth.foundation.files import replacing, scratch_folder
from amlsynth.release.build import build_release
from amlsynth.release.origin import EXAMPLE


def write_bundled() -> Path:
    """Build the reference data set and put its zip where the wheel takes it from (`make bundled`).

    The same spec, noisy sums, code and versions of packages give the same bytes.

    Returns
    -------
    The zip; that of a version before is removed.
    """
    folder = asset(BUNDLED)
    with scratch_folder("amlsynth-bundled-") as temporary:
        archive = build_release(asset(EXAMPLE), temporary).archive
        target = folder / archive.name
        for before in folder.glob("*.zip"):
            if before != target:
                before.unlink()
        with replacing(target) as path:
            shutil.copyfile(archive, path)
    return target
