"""The whole way on the embedded reference cohort, from simulation to a verified release."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import yaml

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import DataError
from amlsynth.foundation.files import scratch_folder
from amlsynth.foundation.types import Progress, no_progress
from amlsynth.loading import load
from amlsynth.release import ReleaseResult, build_release, read_spec, verify_release
from amlsynth.release.origin import EXAMPLE


def run_demo(
    out: Path,
    *,
    n: int = 1606,
    seed: int = 1,
    progress: Progress = no_progress,
    d: Dictionary | None = None,
    say: Callable[[str], object] = print,
) -> ReleaseResult:
    """Build, verify and load a release of a synthetic cohort made from the reference cohort.

    Parameters
    ----------
    out : folder that receives the release folder and its zip.
    n : number of synthetic patients.
    seed : seed of sampling and of the anchors. The cohort and its noisy sum, which are those of
        release/aml-reference.yaml, are the same for all.
    d : the dictionary; the reference cohort follows that of AML and is refused under any other.

    Raises
    ------
    DataError
        A gate failed, or the release did not verify.
    """
    spec = yaml.safe_load(asset(EXAMPLE).read_text(encoding="utf-8"))
    spec["evaluation"]["seed"] = seed
    spec["generator"] |= {"seed": seed, "n": n}
    # The original is simulated, so there is nobody to protect: any seed should give a release to look at.
    spec["gates"]["profile"] = "research"
    with scratch_folder("amlsynth-demo-") as scratch:
        path = scratch / "demo.yaml"
        for sums in read_spec(asset(EXAMPLE)).generator.measurements:
            shutil.copyfile(asset(EXAMPLE).parent / sums, path.parent / sums)
        path.write_text(yaml.safe_dump(spec, sort_keys=False, allow_unicode=True), encoding="utf-8")
        say("Simulating the reference cohort, generating, evaluating and building a release ...")
        result = build_release(path, out, progress=progress, d=d)
    report = verify_release(result.archive)
    if not report.ok:
        raise DataError(
            f"{result.archive}: {report.problems[0].message} This is a fault of amlsynth; report it."
        )
    frame = load(result.folder)
    say(f"Release:  {result.folder}")
    say(f"Archive:  {result.archive} (verified)")
    assert result.guarantee is not None and result.internal is not None  # the spec names noisy sums
    say(f"Promise:  {result.folder / 'PRIVACY.md'} (epsilon {result.guarantee.epsilon:g})")
    say(f"Report:   {result.internal / 'report.html'} (against the original, so not for publication)")
    say(f"Patients: {len(frame):,}, all synthetic; the original is a simulated cohort and holds no patient.")
    say(f'Load it:  amlsynth.load("{result.folder}")')
    return result
