"""The audit as a whole: static pass, presence pass, shadow pass, and what is written of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amlsynth.audit.attacks import COMBINED, attack, family_attack
from amlsynth.audit.features import FAMILIES, AttackFeatures
from amlsynth.audit.presence import PATIENTS, Presence, presence
from amlsynth.audit.rates import (
    auc_figure,
    epsilon_of_guesses,
    epsilon_of_target,
    mean_auc,
    sure_hits,
    true_positives,
)
from amlsynth.audit.records import (
    AuditResult,
    ExposedPatient,
    Group,
    InternalResult,
    PresenceCount,
    ShadowResult,
    StaticCount,
    TargetResult,
)
from amlsynth.audit.shadows import GeneratorRelease, Release, Shadows, World, run_shadows
from amlsynth.audit.static import KINDS, Finding, chance_of_being_seen, static_findings
from amlsynth.audit.summary import markdown
from amlsynth.audit.targets import KINDS as TARGET_KINDS
from amlsynth.audit.targets import Target, choose_targets
from amlsynth.cohort.cohort import Cohort, require_cohort
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import replacing_folder, write_text
from amlsynth.foundation.streams import Stream
from amlsynth.foundation.types import BoolArray, FloatArray, Progress, no_progress
from amlsynth.generators import DEFAULT, create
from amlsynth.generators.declared import recorded_resolution

FEWEST_SHADOWS = 16
FEWEST_TARGETS = 2
_SHOWN = 3  # features named for each target


@dataclass(frozen=True)
class Audit:
    """What was found: `result` for whoever decides about a release, `internal` for the data's steward.

    Examples
    --------
    >>> from amlsynth import audit, reference_cohort
    >>> report = audit(reference_cohort(n=30), "bootstrap", shadows=0, left_out=0)
    >>> report.result.patients, report.internal.schema_version
    (30, '1')
    """

    result: AuditResult
    internal: InternalResult


def audit(
    cohort: Cohort,
    generator: str = DEFAULT,
    *,
    targets: int = 26,
    shadows: int = 160,
    params: Mapping[str, Any] | None = None,
    world: World = "fixed",
    released: int | None = None,
    replicates: int = 0,
    left_out: int = PATIENTS,
    seed: int = 0,
    jobs: int = 1,
    file: Path | None = None,
    release: Release | None = None,
    progress: Progress = no_progress,
) -> Audit:
    """Attack a generator with membership inference by shadow models, on its own training cohort.

    Parameters
    ----------
    cohort : the original cohort; all of it is used.
    generator, params : what is attacked.
    targets : patients attacked. shadows : fits, an even number; 0 leaves this pass out. world : "fixed", the
        attacker knows everyone but the target, or "resampled", random halves.
    released : patients in a release; as many as the cohort has by default. replicates : cohorts beside it, as
        many patients each, of fits of their own, all of which the attacker has; of generators that make them,
        and not with `release`.
    left_out : patients who are left out one by one in the presence pass; 0 leaves that out.
    seed : of targets, fits and attacks. jobs : processes. file : keeps finished fits, to go on later.
    release : fits and samples in the place of the generator, as `release(train, n, rng)` gives a typed frame;
        it must be picklable when `jobs` is above 1.

    Returns
    -------
    The result for those who decide, and that with rows, which stays with the steward.

    Raises
    ------
    UsageError
        An unknown generator or parameter; too few shadows or an odd number; a file of another audit.
    DataError
        The cohort is too small for the generator.

    Examples
    --------
    >>> from amlsynth import audit, reference_cohort
    >>> found = audit(reference_cohort(n=100, seed=1), "bootstrap", shadows=0, left_out=1)
    >>> found.result.presence.given_away
    1
    """
    require_cohort(cohort)
    d = cohort.dictionary
    if shadows and (shadows < FEWEST_SHADOWS or shadows % 2):
        raise UsageError(
            f"{shadows} shadow fits cannot be used: fits come in pairs, and fewer than {FEWEST_SHADOWS} say "
            "nothing. Take an even number, 160 say, or 0 for the other passes alone."
        )
    if shadows and targets < FEWEST_TARGETS:
        raise UsageError(f"{targets} targets are too few; take {FEWEST_TARGETS} or more, 26 say.")
    model = create(generator, params, d)
    if release is not None and replicates:
        raise UsageError(
            "replicates are fits of the generator; a release of your own gives all that an attacker has. "
            "Leave one of both out."
        )
    if release is None:
        chosen_params = tuple(sorted((params or {}).items()))
        if replicates:
            model.check_replicates()
        release = GeneratorRelease(generator, chosen_params, d, recorded_resolution(cohort), replicates)
    frame = cohort.frame.reset_index(drop=True)
    n = released or len(frame)
    rows_released = n * (1 + replicates)
    findings = static_findings(frame, d, rows_released)
    progress("static pass", 1.0)
    seen = (
        presence(frame, d, findings, release, released=n, seed=seed, patients=left_out, progress=progress)
        if left_out
        else []
    )
    shadow: ShadowResult | None = None
    patients: dict[int, ExposedPatient] = {}
    if shadows:
        chosen = choose_targets(frame, d, targets, Stream.AUDIT_TARGETS.rng(seed))
        rows = np.array([target.row for target in chosen])
        features = AttackFeatures(frame, rows, d, seed)
        plan = Shadows(frame, rows, d, world, n, seed, release)
        values, member = run_shadows(plan, features, shadows, file=file, jobs=jobs, progress=progress)
        shadow, patients = attacked(features, chosen, values, member, world, seed, progress)
    result = AuditResult(
        generator=generator,
        params=model.params.model_dump(mode="json"),
        cohort=cohort.about.name,
        dictionary=f"{d.name} {d.version}",
        patients=len(frame),
        released=n,
        replicates=replicates,
        seed=seed,
        static=_static_counts(findings, len(frame), rows_released),
        presence=_presence_count(seen) if seen else None,
        shadow=shadow,
    )
    return Audit(result, _internal(findings, seen, patients))


def write_audit(results: Audit, folder: Path) -> None:
    """Write audit.json, AUDIT.md and internal/internal.json into a folder, whole or not at all.

    Raises
    ------
    UsageError
        The folder has something else in it.

    Examples
    --------
    >>> from amlsynth import audit, reference_cohort
    >>> report = audit(reference_cohort(n=30), "bootstrap", shadows=0, left_out=0)
    >>> write_audit(report, folder / "audit")
    >>> sorted(path.name for path in (folder / "audit").iterdir())
    ['AUDIT.md', 'audit.json', 'internal']
    """
    check_folder(folder)
    with replacing_folder(folder) as temporary:
        write_text(temporary / "audit.json", results.result.model_dump_json(indent=1) + "\n")
        write_text(temporary / "AUDIT.md", markdown(results.result))
        write_text(
            temporary / "internal" / "internal.json", results.internal.model_dump_json(indent=1) + "\n"
        )


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds something else than an earlier audit, which would be lost."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "audit.json").exists():
        raise UsageError(f"{folder}: this folder has other files in it. Name a new one with --out.")


def shadow_file(folder: Path) -> Path:
    """Return where the finished shadow fits of an audit are kept: beside its folder."""
    return folder.with_name(folder.name + ".shadows.jsonl")


def attacked(
    features: AttackFeatures,
    targets: Sequence[Target],
    values: NDArray[np.float32],
    member: BoolArray,
    world: World,
    seed: int,
    progress: Progress = no_progress,
) -> tuple[ShadowResult, dict[int, ExposedPatient]]:
    """Attack finished shadow releases.

    Parameters
    ----------
    values : shape (releases, targets, features). member : shape (releases, targets).

    Returns
    -------
    The result, and by row what it says of each target.
    """
    scores = attack(values, member, features.shared, seed, progress)
    exchanged = _exchanged(member, Stream.AUDIT_CONTROL.rng(seed))
    control = attack(values, exchanged, features.shared, seed, progress)[COMBINED]
    families = np.array([feature.family for feature in features.features])
    by_family = {name: family_attack(values[:, :, families == name], member) for name in FAMILIES}
    kinds = np.array([target.kind for target in targets])

    def rng() -> np.random.Generator:
        return Stream.AUDIT_INTERVALS.rng(seed)

    def group(kind: str, of: FloatArray, who: BoolArray, label: BoolArray = member) -> Group:
        return Group(
            kind=kind,
            targets=int(who.sum()),
            auc=mean_auc(of[:, who], label[:, who], rng()),
            true_positives_1=true_positives(of[:, who], label[:, who], 0.01),
            true_positives_10=true_positives(of[:, who], label[:, who], 0.1),
        )

    everyone = np.ones(len(targets), dtype=bool)
    combined = scores[COMBINED]
    groups = [group("all", combined, everyone)]
    groups += [group(kind, combined, kinds == kind) for kind in TARGET_KINDS if (kinds == kind).any()]
    results = [
        _target_result(target, place, scores, by_family, member) for place, target in enumerate(targets)
    ]
    shadow = ShadowResult(
        world=world,
        shadows=len(values),
        groups=groups,
        attacks={name: mean_auc(of, member, rng()) for name, of in scores.items()},
        families={name: mean_auc(of, member, rng()) for name, of in by_family.items()},
        control=group("all", control, everyone, exchanged),
        epsilon_pooled=round(epsilon_of_guesses(combined, member), 3),
        epsilon_worst=max(result.epsilon for result in results),
        targets=results,
    )
    internal = {
        target.row: ExposedPatient(
            row=target.row + 1,
            target=f"{target.kind}: {target.reason}",
            auc=result.auc,
            epsilon=result.epsilon,
            exposed=result.exposed,
            features=_telling(features, place, values, member),
        )
        for place, (target, result) in enumerate(zip(targets, results, strict=True))
    }
    return shadow, internal


def _target_result(
    target: Target,
    place: int,
    scores: dict[str, FloatArray],
    by_family: dict[str, FloatArray],
    member: BoolArray,
) -> TargetResult:
    number = member.shape[1]
    inside, combined = member[:, place], scores[COMBINED][:, place]
    auc = auc_figure(combined, inside)
    areas = {name: auc_figure(of[:, place], inside).value or 0.0 for name, of in by_family.items()}
    return TargetResult(
        kind=target.kind,
        reason=target.reason,
        auc=auc,
        epsilon=round(epsilon_of_target(combined, inside, number), 3),
        certain=any(sure_hits(of[:, place], inside, number * len(scores)) for of in scores.values()),
        exposed=(auc_figure(combined, inside, tests=number).low or 0.0) > 0.5,
        by=max(areas, key=lambda name: areas[name]),
    )


def _telling(
    features: AttackFeatures, place: int, values: NDArray[np.float32], member: BoolArray
) -> list[str]:
    """Return the single features that tell most of a target, in words with their AUC."""
    of_target, inside = values[:, place].astype(np.float64), member[:, place]
    areas = [auc_figure(of_target[:, feature], inside).value or 0.5 for feature in range(of_target.shape[1])]
    best = np.argsort(-np.abs(np.array(areas) - 0.5), kind="stable")[:_SHOWN]
    return [f"{features.query_label(place, int(i))}: AUC {max(areas[i], 1 - areas[i]):.2f}" for i in best]


def _exchanged(member: BoolArray, rng: np.random.Generator) -> BoolArray:
    """Return memberships of other pairs of releases, so that no attack can succeed but by chance."""
    pairs = member.reshape(len(member) // 2, 2, -1)
    flip = rng.random((len(pairs), 1, pairs.shape[2])) < 0.5
    exchanged = rng.permutation(pairs)
    return np.asarray(np.where(flip, ~exchanged, exchanged).reshape(member.shape))


def _static_counts(findings: Sequence[Finding], n: int, released: int) -> list[StaticCount]:
    counts = []
    for kind, what in KINDS.items():
        mine = [finding for finding in findings if finding.kind == kind]
        chance = 1.0 if kind == "resolution" else chance_of_being_seen(1, n, released)
        rows = {finding.row for finding in mine}
        counts.append(
            StaticCount(kind=kind, what=what, patients=len(rows), findings=len(mine), chance=round(chance, 4))
        )
    return counts


def _presence_count(seen: Sequence[Presence]) -> PresenceCount:
    away = [one for one in seen if one.gives_away]
    return PresenceCount(
        patients=len({one.finding.row for one in seen}),
        given_away=len({one.finding.row for one in away}),
        findings=len(seen),
        findings_given_away=len(away),
        releases=seen[0].releases,
    )


def _internal(
    findings: Sequence[Finding], seen: Sequence[Presence], targets: dict[int, ExposedPatient]
) -> InternalResult:
    rows = sorted({finding.row for finding in findings} | set(targets))
    patients = []
    for row in rows:
        known = targets.get(row, ExposedPatient(row=row + 1))
        patients.append(
            known.model_copy(
                update={
                    "decides": [
                        f"{f.kind}: {f.value} ({', '.join(f.columns[:4])})" for f in findings if f.row == row
                    ],
                    "seen": [
                        f"{one.finding.kind}: in {one.with_patient} of {one.releases} releases with, "
                        f"{one.without_patient} without"
                        for one in seen
                        if one.finding.row == row
                    ],
                }
            )
        )
    return InternalResult(patients=patients)
