"""The noisy sums of the reference data set, which its release spec is built from."""

from __future__ import annotations

from pathlib import Path

from amlsynth.dictionary.model import load_dictionary
from amlsynth.foundation.assets import asset
from amlsynth.generators.fitted import measure
from amlsynth.generators.private.sums import write_sums
from amlsynth.release.build import original_cohort
from amlsynth.release.origin import EXAMPLE
from amlsynth.release.spec import read_spec


def draw_reference_sums() -> tuple[Path, ...]:
    """Draw the noisy sums of the reference data set anew, into the files that its spec names.

    They are drawn once and kept, so that the spec gives the same bytes. A changed dictionary, prior or
    feature map needs new ones (`make reference-sums`), which are other sums: the noise is the operating
    system's. The original is simulated, so no budget is spent and no ledger is kept.

    Returns
    -------
    The files that were written.
    """
    path = asset(EXAMPLE)
    spec = read_spec(path)
    d = load_dictionary(spec.dictionary, path.parent)
    cohort = original_cohort(spec.cohort, path.parent, d)
    files = tuple(path.parent / name for name in spec.generator.measurements)
    for file in files:
        sums, _ = measure(
            cohort, params=spec.generator.params, split_seed=spec.split.seed, holdout=spec.split.holdout
        )
        write_sums(sums, file)
    return files
