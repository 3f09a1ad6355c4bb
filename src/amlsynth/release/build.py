"""The release build: from a spec to a checked folder and its zip, or to the reason why not."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from amlsynth.cohort.cohort import About, Cohort, read_cohort
from amlsynth.cohort.split import Split, split_cohort
from amlsynth.dictionary.model import Dictionary, load_dictionary, require_default
from amlsynth.disclosure.rule import OFF, DisclosureRule
from amlsynth.evaluation import evaluate
from amlsynth.evaluation.differencing import find_leaks, refuse_leaks
from amlsynth.evaluation.effects.pooled import pooled_effects
from amlsynth.evaluation.pairing import check_records
from amlsynth.foundation.addresses import plain_doi
from amlsynth.foundation.errors import DataError, UsageError, require_extra
from amlsynth.foundation.files import (
    PLACE_IS_BAD,
    check_place,
    replacing,
    replacing_folder,
    restore_folder,
    sha256,
)
from amlsynth.foundation.types import Progress, no_progress
from amlsynth.gates.apply import apply_gates
from amlsynth.gates.profile import GateProfile, gate_profile
from amlsynth.gates.verdict import GateReport, write_gates
from amlsynth.generators import generator_class
from amlsynth.generators.base import BaseGenerator
from amlsynth.generators.generation import generate
from amlsynth.generators.private.generator import Private
from amlsynth.generators.private.ledger import read_ledger
from amlsynth.generators.private.prior import REFERENCE
from amlsynth.generators.private.sums import read_sums
from amlsynth.release.archive import write_archive
from amlsynth.release.checksums import CHECKSUMS, PUBLISH_STATE
from amlsynth.release.documents import statement
from amlsynth.release.file_names import PACKAGE
from amlsynth.release.origin import check_origin
from amlsynth.release.package import DataPackage, Guarantee
from amlsynth.release.public.documents import guarantee_of
from amlsynth.release.public.writing import INTERNAL, write_internal, write_public
from amlsynth.release.released import Released, read_verified
from amlsynth.release.spec import CohortSource, ElsewherePart, ReleaseSpec, check_generator, read_spec
from amlsynth.release.versions import Version
from amlsynth.release.writing import Made, described_original, write_measured
from amlsynth.release.zenodo.state import read_state


@dataclass(frozen=True)
class ReleaseResult:
    """A release that was built.

    folder : OUT/NAME-VERSION.
    archive : OUT/NAME-VERSION.zip.
    archive_sha256 : SHA-256 of the archive, 64 hexadecimal digits.
    patients : number of synthetic patients.
    gates : what the gates found; all required ones were passed.
    guarantee : the differential privacy of the release, None where it has none.
    internal : with a guarantee the folder OUT/internal/NAME-VERSION of what must not be published:
        evaluation, gates and report.
    warnings : what there is to be warned of.
    """

    folder: Path
    archive: Path
    archive_sha256: str
    patients: int
    gates: GateReport
    guarantee: Guarantee | None = None
    internal: Path | None = None
    warnings: tuple[str, ...] = ()

    @property
    def profile(self) -> str:
        """The gate profile that was passed."""
        return self.gates.profile


def build_release(
    spec_path: Path,
    out: Path,
    progress: Progress = no_progress,
    *,
    doi: str | None = None,
    previous: Path | None = None,
    d: Dictionary | None = None,
) -> ReleaseResult:
    """Build the release of a spec into OUT/NAME-VERSION and OUT/NAME-VERSION.zip.

    With a generator that has a guarantee, the release holds nothing that was measured against the original;
    that goes into OUT/internal/NAME-VERSION.

    Parameters
    ----------
    spec_path : the release spec, YAML. Paths in it are relative to its folder.
    out : the folder that gets both; made where it does not exist. An older build of the same version
        is replaced only when the new one is complete.
    progress : called with what is being done and the share done, from 0 to 1.
    doi : the reserved DOI of this version, to rebuild a published release; `publish_release` writes it
        otherwise.
    previous : folder or zip of the version before, instead of the one that the spec names. The changelog
        says what changed, and a version that is too small a step is refused.
    d : the dictionary, instead of the one that the spec names; the release carries it.

    Returns
    -------
    ReleaseResult
        The same spec with the same DOI and previous version in the same environment gives the same
        bytes, the zip's included.

    Raises
    ------
    UsageError
        The spec is wrong, its generator must not be released, the version was published, or `out` cannot
        be written.
    DataError
        The cohort breaks the dictionary, the version is too small a step, or a required gate failed: then
        there is no release, and OUT/NAME-VERSION.gates.json says why.

    Examples
    --------
    A minute of evaluation and report, so that the tests build it elsewhere:

    >>> build_release(Path("release/aml-reference.yaml"), folder)  # doctest: +SKIP
    """
    spec_path, out = Path(spec_path), Path(out)
    tell = _rising(progress)
    spec = read_spec(spec_path)
    d = load_dictionary(spec.dictionary, spec_path.parent) if d is None else d
    check_generator(spec, spec_path, d)
    for module in ("matplotlib", "pypandoc", "typst"):  # now and not after the work
        require_extra("report", module, "Building a release")
    profile = _profile(spec, spec_path.parent)
    _check_place(out, spec)
    doi = _doi(doi)
    if previous is None and spec.previous:
        previous = spec_path.parent / spec.previous
    older = _previous(previous, spec) if previous is not None else None
    guaranteed = bool(spec.generator.measurements)
    internal = out / INTERNAL / spec.stem if guaranteed else None
    if internal is not None:
        _check_internal(internal)
    if guaranteed and older is not None and older.package.guarantee is None:
        raise UsageError(
            f"{previous}: this version has no guarantee, and a changelog that goes on from it would tell "
            "exact figures of the original. Leave `previous` out, or give the data set with the guarantee "
            "another name."
        )
    made = _make(spec, spec_path, d, profile, older, doi, tell)
    failed = (internal.parent if internal else out) / f"{spec.stem}.gates.json"
    if not made.gates.passed:
        write_gates(made.gates, failed)
        try:
            made.gates.raise_if_failed(f"{spec.name} {spec.version} is not released")
        except DataError as error:
            raise DataError(f"{error}\nAll gates are in {failed}.") from None
    folder, archive = out / spec.stem, out / f"{spec.stem}.zip"
    try:
        with ExitStack() as stack:
            beside = stack.enter_context(replacing_folder(internal)) if internal else None
            temporary = stack.enter_context(replacing_folder(folder))
            if beside is None:
                write_measured(made, temporary, tell)
            else:
                write_public(made, temporary, tell)
                write_internal(made, beside, temporary, tell)
            if (folder / PUBLISH_STATE).exists():  # a draft on Zenodo, which the next publish goes on with
                shutil.copy2(folder / PUBLISH_STATE, temporary)
            tell("packing the zip", 0.97)
            package = DataPackage.model_validate_json((temporary / PACKAGE).read_bytes())
            with replacing(archive) as zipped:
                write_archive(temporary, package.files, zipped, spec.stem, spec.date)
        failed.unlink(missing_ok=True)
    except OSError as error:
        if error.errno not in PLACE_IS_BAD:
            raise
        raise UsageError(f"{out}: the release cannot be written ({error.strerror}).") from error
    tell("done", 1.0)
    return ReleaseResult(
        folder,
        archive,
        sha256(archive),
        made.synthetic.n,
        made.gates,
        package.guarantee,
        internal,
        made.warnings,
    )


def original_cohort(source: CohortSource, base: Path, d: Dictionary) -> Cohort:
    """Return the original that a spec names, with paths relative to `base`, under the dictionary `d`.

    Raises
    ------
    UsageError
        The source is a cohort of amlsynth's own, which is one of another dictionary.
    DataError
        The file breaks the dictionary.
    """
    if source.source != "file":
        require_default(d, f"The cohort source {source.source!r}")
    if source.source == "reference":
        from amlsynth.sources.reference import reference_cohort

        assert source.n is not None and source.seed is not None  # the spec's model requires both
        return reference_cohort(source.n, source.seed)
    if source.source == "amlsg":
        from amlsynth.sources.amlsg import import_amlsg

        return import_amlsg(base / source.folder if source.folder else None)
    assert source.path is not None
    if source.mapping:
        from amlsynth.sources.mapping import import_mapped

        return import_mapped(base / source.path, base / source.mapping, d=d)
    return read_cohort(base / source.path, "original", d)


def _previous(path: Path, spec: ReleaseSpec) -> Released:
    """Read the version before, and refuse one that is none."""
    older = read_verified(path)
    if older.name != spec.name:
        raise UsageError(
            f"{path}: this is a release of {older.name}, not of {spec.name}. Name the right one."
        )
    if not older.version < Version(spec.version):
        raise UsageError(
            f"{path}: its version {older.version} is not before {spec.version}. Raise the version in the "
            "spec, or name the version before."
        )
    return older


def _doi(text: str | None) -> str | None:
    try:
        return None if text is None else plain_doi(text)
    except ValueError as error:
        raise UsageError(f"{error}.") from None


def _make(
    spec: ReleaseSpec,
    spec_path: Path,
    d: Dictionary,
    profile: GateProfile,
    previous: Released | None,
    doi: str | None,
    tell: Progress,
) -> Made:
    """Go the way of the data up to the gates; the generator gets the training part only."""
    tell("reading the original cohort", 0.0)
    cohort = original_cohort(spec.cohort, spec_path.parent, d)
    check_origin(spec, spec_path, cohort.about)
    _check_replicates(spec, spec_path, profile, cohort)
    _check_account(spec, spec_path, cohort)
    made = (
        _made_elsewhere(spec, spec.synthetic, spec_path, cohort)
        if spec.synthetic
        else _generated(spec, spec_path, cohort, _part(tell, 0.1, 0.4))
    )
    split = made.split
    guarantee = guarantee_of(made.model.sums_files) if isinstance(made.model, Private) else None
    synthetic = Cohort.create(made.frame, "synthetic", _about(spec, cohort, guarantee), d)
    evaluation = evaluate(
        split.train,
        synthetic.frame,
        split.holdout,
        seed=spec.evaluation.seed,
        simulated=cohort.about.simulated,
        rule=OFF if cohort.about.simulated else DisclosureRule(spec.disclosure.min_cell),
        progress=_part(tell, 0.4, 0.8),
        d=d,
    )
    if made.replicates:
        pooled = pooled_effects(split.train, made.replicates, d, evaluation.rule)
        evaluation = evaluation.model_copy(update={"pooled": pooled})
    gates = apply_gates(evaluation, profile, d=d)
    if guarantee is None:  # else the evaluation is not published
        record = described_original(spec, cohort, evaluation)
        refuse_leaks(find_leaks(evaluation, {"synthetic": synthetic.frame}, d, record), str(spec_path))
    return Made(
        spec,
        spec_path,
        d,
        cohort,
        split,
        synthetic,
        made.model,
        made.warnings,
        evaluation,
        gates,
        previous,
        doi,
        made.replicates,
    )


def _check_replicates(spec: ReleaseSpec, path: Path, profile: GateProfile, cohort: Cohort) -> None:
    """Refuse replicates that the profile does not allow: gates are measured on the cohort alone."""
    name = spec.generator.name
    if not spec.generator.replicates or profile.replicates or cohort.about.simulated:
        return
    if not generator_class(name).guarantee:
        raise UsageError(
            f"{path}: the gate profile {profile.name} allows no replicates of {name}: what one fit hides of "
            "a patient by chance, several show together (docs/inference.md). Leave `replicates` out, take "
            "the generator private, or a profile for sharing under an agreement, such as research."
        )


class _Synthetic(NamedTuple):
    """A synthetic cohort with the split that it goes with, and its fitted generator where there is one."""

    frame: pd.DataFrame
    split: Split
    model: BaseGenerator | None = None
    warnings: tuple[str, ...] = ()
    replicates: tuple[pd.DataFrame, ...] = ()


def _generated(spec: ReleaseSpec, spec_path: Path, cohort: Cohort, progress: Progress) -> _Synthetic:
    made = generate(
        cohort,
        spec.generator.name,
        seed=spec.generator.seed,
        n=spec.generator.n,
        params=_params(spec, spec_path),
        split_seed=spec.split.seed,
        holdout=spec.split.holdout,
        replicates=spec.generator.replicates,
        replicate_n=spec.generator.replicate_n,
        progress=progress,
    )
    assert made.split is not None  # generate splits unless told not to
    return _Synthetic(made.synthetic.frame, made.split, made.model, made.warnings, made.replicates)


def _made_elsewhere(spec: ReleaseSpec, given: ElsewherePart, spec_path: Path, cohort: Cohort) -> _Synthetic:
    """Read a cohort that was made elsewhere; what its record says of its split must go with the spec's."""
    path = spec_path.parent / given.path
    made = read_cohort(path, "synthetic", cohort.dictionary)
    which = {"seed": spec.split.seed, "holdout": spec.split.holdout}
    ours = cohort.about.model_copy(update={"provenance": {"split": which}})
    check_records((f"the split of {spec_path.name}", ours), None, {str(path): made.about})
    split = split_cohort(cohort.frame, spec.split.holdout, seed=spec.split.seed, d=cohort.dictionary)
    return _Synthetic(made.frame, split)


def _check_account(spec: ReleaseSpec, spec_path: Path, cohort: Cohort) -> None:
    """Refuse to add up sums of the same patients, as far as the ledger beside their file tells.

    Each patient has to be in one of the sums only: else budgets would add up, and the release promise too
    much. A ledger that is not in order is refused as well; where there is none, nothing was drawn here.
    """
    if spec.cohort.path is None or spec.cohort.mapping is not None or not spec.generator.measurements:
        return
    ledger = read_ledger(spec_path.parent / spec.cohort.path, cohort.frame)
    drawn = {entry.sums.id for entry in ledger.entries} if ledger else set()
    ours = [name for name in spec.generator.measurements if read_sums(spec_path.parent / name).id in drawn]
    if len(ours) > 1:
        raise DataError(
            f"{spec_path}: {' and '.join(ours)} are noisy sums of the same patients. A release adds up sums "
            "of different patients; name one of these."
        )


def _params(spec: ReleaseSpec, spec_path: Path) -> dict[str, Any]:
    """Return the generator's parameters, with noisy sums and prior by their places beside the spec."""
    params: dict[str, Any] = dict(spec.generator.params)
    if spec.generator.measurements:
        params["measurements"] = tuple(str(spec_path.parent / name) for name in spec.generator.measurements)
        if params.get("prior", REFERENCE) != REFERENCE:
            params["prior"] = str(spec_path.parent / str(params["prior"]))
    return params


def _about(spec: ReleaseSpec, original: Cohort, guarantee: Guarantee | None) -> About:
    simulated = original.about.simulated
    return About(
        name=spec.name,
        title=spec.title,
        simulated=simulated,
        statement=statement(spec, simulated=simulated, guarantee=guarantee),
    )


def _profile(spec: ReleaseSpec, base: Path) -> GateProfile:
    return gate_profile(spec.gates.profile, base / spec.gates.file if spec.gates.file else None)


def _check_place(out: Path, spec: ReleaseSpec) -> None:
    """Refuse a place that would fail at the end of the work, or overwrite what is no release."""
    check_place(out, folder=True)
    folder, archive = out / spec.stem, out / f"{spec.stem}.zip"
    restore_folder(folder)
    if folder.exists() and not (folder / CHECKSUMS).is_file():
        raise UsageError(f"{folder}: it exists and is no release. Remove it or choose another place.")
    state = read_state(folder)
    if state and (found := state.published()):
        raise UsageError(
            f"{folder}: version {spec.version} is published ({found[1].doi}) and is not replaced. Raise "
            "the version in the spec; to rebuild the same bytes, build into another folder with --doi "
            f"{found[1].doi}."
        )
    if archive.is_dir():
        raise UsageError(f"{archive}: this is a folder where the zip has to go. Remove it.")


def _check_internal(folder: Path) -> None:
    """Refuse to overwrite what no build put where the internal evaluation goes."""
    if folder.exists() and not (folder / "evaluation.json").is_file():
        raise UsageError(
            f"{folder}: it exists and holds no evaluation of a release. Remove it or choose another place."
        )


def _rising(tell: Progress) -> Progress:
    """Return a progress that never falls: fitting and sampling each count from 0 to 1."""
    most = 0.0

    def rising(what: str, share: float) -> None:
        nonlocal most
        most = max(most, share)
        tell(what, most)

    return rising


def _part(tell: Progress, start: float, end: float) -> Progress:
    """Return a progress that fills the stretch from `start` to `end` of `tell`."""
    return lambda what, share: tell(what, start + share * (end - start))
