"""Does a release with a guarantee hold what it promises, and nothing else of the original?

What follows from the noisy sums, the prior and the data is made again: the guarantee from the noise, the
documents, the evaluation. Records that would tell of the original more than its name are a problem.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from amlsynth.cohort.tables import read_table
from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.records import CohortSummary
from amlsynth.foundation.defaults import GUARANTEED
from amlsynth.foundation.errors import MissingExtraError, UsageError
from amlsynth.foundation.kernels import blas_kernels
from amlsynth.foundation.version import __version__
from amlsynth.generators.private.features import BOUND
from amlsynth.generators.private.mechanism import epsilon_of
from amlsynth.generators.private.sums import SumsFile, add_up, dictionary_hash
from amlsynth.release.checksums import Problem
from amlsynth.release.contents import read_parts, read_release_sums
from amlsynth.release.documents import documents, documents_with_doi
from amlsynth.release.doi import spec_of
from amlsynth.release.environment import environment
from amlsynth.release.file_names import PACKAGE, PROVENANCE, PUBLIC_EVALUATION, sums_paths
from amlsynth.release.package import DataPackage, Provenance
from amlsynth.release.public.documents import guarantee_of
from amlsynth.release.public.evaluation import PublicEvaluation, evaluate_publicly, summarise_publicly

_TOLD = {"name", "title", "simulated"}  # of the original
_RELATIVE, _ABSOLUTE = 1e-6, 2e-4  # by which figures may differ on another machine
# Written from the spec and what the release holds alone; the changelog has more than that.
_DECIDE = ("numpy", "scipy", "pandas")  # packages whose versions can change the patients
_REMADE = ("PRIVACY.md", "EVALUATION.md", "LICENSE")


def public_problems(
    folder: Path, package: DataPackage, made: Provenance, frame: pd.DataFrame, d: Dictionary
) -> Iterator[Problem]:
    """Yield what is wrong with a release with a guarantee whose files are as SHA256SUMS lists them.

    Parameters
    ----------
    folder, package, made : the release.
    frame, d : its data, and the dictionary that they follow.

    Raises
    ------
    UsageError, DataError
        A record cannot be read.
    """
    sums = read_release_sums(folder, package)
    paths = sums_paths(len(sums))
    for path, file in zip(paths, sums, strict=True):
        yield from _of_sums(path, file)
    if package.guarantee != guarantee_of(sums):
        yield Problem(file=PACKAGE, check="guarantee", message="its guarantee is not that of the noisy sums")
    if made.generator.name != GUARANTEED:  # and no other is made, whatever a hostile release names
        message = f"it names the generator {made.generator.name!r}, which has no guarantee"
        yield Problem(file=PROVENANCE, check="guarantee", message=message)
        return
    yield from _of_provenance(made, len(sums))
    evaluation = PublicEvaluation.model_validate_json((folder / PUBLIC_EVALUATION).read_bytes())
    yield from _of_evaluation(evaluation, made, list(zip(paths, sums, strict=True)), frame, d)
    if made.amlsynth != __version__:
        return  # another version may hash a dictionary, and word the documents, otherwise
    for path, file in zip(paths, sums, strict=True):
        if file.dictionary.sha256 != dictionary_hash(d):
            message = "it was measured with another dictionary than the release carries"
            yield Problem(file=path, check="guarantee", message=message)
    spec = spec_of(made)
    parts = read_parts(folder, package, made, spec, d)
    remade = {name: text for name, text in documents(spec, parts, d).items() if name in _REMADE}
    for name, text in (remade | documents_with_doi(spec, parts, d, package.doi)).items():
        if (folder / name).read_bytes() != text.encode("utf-8"):
            message = "it does not say what the spec, the sums and the public evaluation say"
            yield Problem(file=name, check="document", message=message)


def _of_sums(path: str, file: SumsFile) -> Iterator[Problem]:
    def problem(message: str) -> Problem:
        return Problem(file=path, check="guarantee", message=message)

    if file.noise.sensitivity != BOUND or len(file.sum) != file.feature_map.size:
        yield problem("its numbers are not those of a feature map of this version")
        return
    rho = (file.noise.sensitivity / file.noise.scale) ** 2 / 2
    claimed = [
        (file.privacy.rho, file.privacy.epsilon),
        (file.privacy.replace_one.rho, file.privacy.replace_one.epsilon),
    ]
    for (stated, epsilon), factor in zip(claimed, (1.0, 4.0), strict=True):
        # Rounded upwards by the accounting, so the stated rho may lie a hair above.
        if stated < factor * rho * (1 - 1e-9):
            yield problem(f"its noise gives rho {factor * rho:.4g}, and it states {stated:.4g}")
            continue
        try:
            least = epsilon_of(factor * rho, file.privacy.delta)
        except MissingExtraError:  # without OpenDP the conversion to epsilon cannot be made again
            return
        if epsilon < least * (1 - 1e-6):
            yield problem(f"its noise gives epsilon {least:.4g}, and it states {epsilon:.4g}")


def _of_provenance(made: Provenance, sums: int) -> Iterator[Problem]:
    told = set(made.cohort) - _TOLD
    told |= {key for key in ("n_train", "n_holdout") if getattr(made.split, key) is not None}
    if told:
        message = (
            f"it tells of the original what a release with a guarantee must not: {', '.join(sorted(told))}"
        )
        yield Problem(file=PROVENANCE, check="provenance", message=message)
    if made.gates_passed is not True:
        yield Problem(file=PROVENANCE, check="gates", message="it does not say that the gates were passed")
    if len(made.generator.measurements) != sums:
        message = f"it names {len(made.generator.measurements)} noisy sums, and the release holds {sums}"
        yield Problem(file=PROVENANCE, check="provenance", message=message)


def _of_evaluation(
    evaluation: PublicEvaluation,
    made: Provenance,
    sums: Sequence[tuple[str, SumsFile]],
    frame: pd.DataFrame,
    d: Dictionary,
) -> Iterator[Problem]:
    def problem(message: str) -> Problem:
        return Problem(file=PUBLIC_EVALUATION, check="evaluation", message=message)

    if not _same_summary(evaluation.synthetic, summarise_publicly(frame, d)):
        yield problem("its summary is not that of the data")
    if evaluation.amlsynth_version != made.amlsynth:
        yield problem("it was not made by the version that built the release")
    again = _again(evaluation, made, sums, frame, d)
    if again is not None and not _same_blocks(evaluation, again):
        yield problem("its figures do not follow from the noisy sums, the prior and the data")


def _again(
    evaluation: PublicEvaluation,
    made: Provenance,
    sums: Sequence[tuple[str, SumsFile]],
    frame: pd.DataFrame,
    d: Dictionary,
) -> PublicEvaluation | None:
    """Evaluate again; None where the prior is not here, or version, dictionary or feature map are others."""
    from amlsynth.generators import create
    from amlsynth.generators.private.generator import Private
    from amlsynth.generators.private.prior import REFERENCE

    if made.amlsynth != __version__ or any(file.dictionary.sha256 != dictionary_hash(d) for _, file in sums):
        return None
    params = {**made.generator.params, "not_assessed": sums[0][1].feature_map.not_assessed}
    if params.get("prior", REFERENCE) != REFERENCE:  # a file that the release does not hold
        return None
    try:
        model = create(made.generator.name, params, d)
        assert isinstance(model, Private)
        public = model.public
        if public.map.sha256 != sums[0][1].feature_map.sha256:
            return None
    except MissingExtraError:
        return None
    total = add_up(sums, public.map, public.prior.description)
    return evaluate_publicly(
        public, total, evaluation.patients, frame, simulated=evaluation.original_is_simulated
    )


def regenerated_problems(
    folder: Path, package: DataPackage, made: Provenance, frame: pd.DataFrame, d: Dictionary
) -> Iterator[Problem]:
    """Yield whether the data are not those that follow from the noisy sums, made again from these alone.

    Another kernel of BLAS or other versions of numpy and scipy can round otherwise and give other patients.

    Raises
    ------
    UsageError
        The prior is a file, which the release does not hold, or the versions of packages are others.
    MissingExtraError
        The packages of the generator are not installed.
    """
    from amlsynth.generators.generation import generate, nobody
    from amlsynth.generators.private.prior import REFERENCE

    here = environment()
    other = [name for name in _DECIDE if made.packages.get(name) != here["packages"].get(name)]
    if made.amlsynth != __version__ or other:
        what = ", ".join(f"{name} {made.packages.get(name)}" for name in other) or f"amlsynth {made.amlsynth}"
        raise UsageError(f"{folder}: its data can be made again with the versions that made them ({what}).")
    if made.generator.params.get("prior", REFERENCE) != REFERENCE:
        raise UsageError(f"{folder}: its prior is a file that the release does not hold, which is needed.")
    sums = read_release_sums(folder, package)
    imported = {"steps": made.generator.steps, "not_assessed": list(sums[0].feature_map.not_assessed)}
    measured = nobody(d)
    about = measured.about.model_copy(update={"provenance": {"import": imported}})
    files = tuple(str(folder / path) for path in sums_paths(len(sums)))
    again = generate(
        replace(measured, about=about),
        made.generator.name,
        seed=made.generator.seed,
        n=made.generator.n,
        params=made.generator.params | {"measurements": files},
        split=False,
        replicates=made.generator.replicates,
        replicate_n=made.generator.replicate_n,
    )
    kept = (frame, *(read_table(folder / parquet, d) for _, parquet in package.tables[1:]))
    for (csv, _), one, remade in zip(
        package.tables, kept, (again.synthetic.frame, *again.replicates), strict=True
    ):
        if not one.equals(remade):
            message = "its patients are not those that the noisy sums give on this machine"
            yield Problem(
                file=csv, check="regenerated", message=message + _kernels(made.kernels, blas_kernels())
            )


def _kernels(there: Sequence[str], here: Sequence[str]) -> str:
    """Return what is to be said of other patients where products of matrices have other last bits."""
    if not there or tuple(there) == tuple(here):
        return ""
    kernels = " and ".join(here) or "unknown"
    return (
        f", where products of matrices have other last bits (kernel {kernels}) than where it was made "
        f"({' and '.join(there)}); with OpenBLAS set OPENBLAS_CORETYPE={there[0]}, or verify it on such a "
        "processor"
    )


def _same_blocks(one: PublicEvaluation, other: PublicEvaluation) -> bool:
    if [(b.block, b.columns) for b in one.blocks] != [(b.block, b.columns) for b in other.blocks]:
        return False
    figures = [
        [one.noise, *(v for b in one.blocks for v in (*b.noisy, *b.synthetic, *b.prior))]
        for one in (one, other)
    ]
    return all(_near(a, b) for a, b in zip(*figures, strict=True))


def _same_summary(one: CohortSummary, other: CohortSummary) -> bool:
    return _alike(one.model_dump(mode="json"), other.model_dump(mode="json"), _near)


def _near(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)


def _alike(one: object, other: object, near: Callable[[float, float], bool]) -> bool:
    """Say whether two records as plain data agree, numbers but for rounding."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key], near) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_alike(a, b, near) for a, b in zip(one, other, strict=True))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return near(float(one), float(other))
    return one == other
