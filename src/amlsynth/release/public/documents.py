"""The documents of a release with a guarantee: PRIVACY.md, EVALUATION.md, and README's part on its worth.

All figures are those of the noisy sums and of public-evaluation.json.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from amlsynth.dictionary.model import Dictionary, Variable
from amlsynth.disclosure.rule import NA
from amlsynth.evaluation.records import CategoryCount, CohortSummary, Figure, SurvivalSummary, VariableSummary
from amlsynth.generators.private.sums import SumsFile
from amlsynth.release.documents import Parts, cell, fill, outcomes
from amlsynth.release.file_names import PUBLIC_EVALUATION, sums_paths
from amlsynth.release.package import Guarantee
from amlsynth.release.public.evaluation import PublicEvaluation
from amlsynth.release.spec import ReleaseSpec

# Blocks of the feature map in words; one of another name is called by it.
_BLOCKS = {
    "count": "number of patients",
    "flags": "columns of present and absent",
    "categories": "categories and response",
    "missing": "what is missing",
    "numbers": "numbers",
    "outcome": "times and events",
    "effects": "effects on outcomes",
    "pairs": "pairs of present and absent",
    "number-flags": "numbers beside other columns",
}
_LEAST_KEPT = 12  # numbers that EVALUATION.md shows
_MONTHS = (12, 24, 60)  # at which it shows survival
_FILES = (
    "| `PRIVACY.md` | the guarantee in words: what it means for a patient, and what it does not cover |\n"
    f"| `EVALUATION.md`, `{PUBLIC_EVALUATION}` | how far the data keep to what was released of the original; "
    "summaries |\n"
    "| `measurements/` | the noisy sums that the data are made from: all that was taken from the patients |\n"
)
_LIMITS = (
    "- The guarantee bounds what is learned from one patient's part in it; it is no licence to look for\n"
    "  patients. Do not try to find them in the data or to link these to others.\n"
    "- Combinations that the released sums do not tell come from the public prior and not from patients."
)
_SEVERAL = (
    "\n\nThere are several sums, each of the patients of one house. Nobody is in two of them, as these\n"
    "houses say; so each patient has the guarantee of one sum, and the table shows the weakest."
)
_SIMULATED = (
    "The original is a simulated cohort, so nobody stands behind it; the text says what the guarantee would "
    "mean."
)


def guarantee_of(sums: Sequence[SumsFile]) -> Guarantee:
    """Return what noisy sums of patients who are in one of them each promise to all of these patients."""
    return Guarantee(
        epsilon=max(file.privacy.epsilon for file in sums),
        delta=max(file.privacy.delta for file in sums),
        neighbours=sums[0].privacy.neighbours,
        replace_one_epsilon=max(file.privacy.replace_one.epsilon for file in sums),
        mechanism=sums[0].noise.mechanism,
        sums=len(sums),
    )


def guaranteed_parts(
    spec: ReleaseSpec, evaluation: PublicEvaluation, sums: Sequence[SumsFile], profile: str, d: Dictionary
) -> Parts:
    """Return the parts of a release with a guarantee.

    Parameters
    ----------
    spec, d : the release spec and the dictionary.
    evaluation : its public evaluation.
    sums : the noisy sums that it was made from.
    profile : the gate profile that was passed.
    """
    guarantee = guarantee_of(sums)
    synthetic = evaluation.synthetic
    known = set(evaluation.endpoints)
    response = d.roles.response
    if response is not None and synthetic.variable(response.variable).missing != synthetic.n:
        known.add(response.name)
    return Parts(
        patients=synthetic.n,
        originals=synthetic.n,
        simulated=evaluation.original_is_simulated,
        endpoints=evaluation.endpoints,
        file_rows=_FILES,
        outcomes=outcomes(d, known),
        worth=fill(
            "worth-public.md",
            epsilon=f"{guarantee.epsilon:g}",
            delta=f"{guarantee.delta:.2g}",
            fit=_fit(evaluation),
            profile=profile,
        ),
        limits=_LIMITS,
        rebuild="with it, the original, the sums in `measurements/` and the same versions of software",
        amlsynth=evaluation.amlsynth_version,
        guarantee=guarantee,
        more={
            "PRIVACY.md": _privacy(spec, evaluation, sums, guarantee, profile),
            "EVALUATION.md": _evaluation(spec, evaluation, d),
        },
    )


def _privacy(
    spec: ReleaseSpec,
    evaluation: PublicEvaluation,
    sums: Sequence[SumsFile],
    guarantee: Guarantee,
    profile: str,
) -> str:
    factor = math.exp(guarantee.epsilon)
    weakest = max(sums, key=lambda file: file.privacy.rho)
    listed = ", ".join(f"`{path}`" for path in sums_paths(len(sums)))
    return fill(
        "PRIVACY.md",
        title=spec.title,
        version=spec.version,
        stem=spec.stem,
        origin=_SIMULATED if evaluation.original_is_simulated else "The original is a cohort of patients.",
        epsilon=f"{guarantee.epsilon:g}",
        delta=f"{guarantee.delta:.2g}",
        delta_plain=repr(guarantee.delta),
        neighbours=guarantee.neighbours,
        replaced=f"{guarantee.replace_one_epsilon:.3g}",
        mechanism=guarantee.mechanism,
        size=f"{len(weakest.sum):,}",
        size_plain=str(len(weakest.sum)),
        bound=f"{weakest.noise.sensitivity:,}",
        bound_plain=str(weakest.noise.sensitivity),
        scale=repr(weakest.noise.scale),
        library=weakest.noise.library,
        noise=f"scale {weakest.noise.scale:,.0f} on each number; zero-concentrated differential privacy with "
        f"rho {weakest.privacy.rho:.4g}",
        sums=listed,
        sums_words="the noisy sum in `measurements/`"
        if len(sums) == 1
        else "the noisy sums in `measurements/`",
        several="" if len(sums) == 1 else _SEVERAL,
        prior=", ".join(
            f"`{text}`" if key == "prior" else f"{key} {text[:16]}"
            for key, text in weakest.feature_map.prior.items()
        ),
        holdout=f"{spec.split.holdout:g}",
        factor=f"{factor:.3g}",
        even=_percent(factor / (1 + factor)),
        hundredth=_percent(factor / (99 + factor)),
        found=_percent(min(1.0, factor / 100 + guarantee.delta)),
        profile=profile,
        at_most=f"{sum(file.patients_at_most for file in sums):,}",
        amlsynth=f"amlsynth {evaluation.amlsynth_version}",
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0")


def _fit(evaluation: PublicEvaluation) -> str:
    rows = [
        "| what | numbers | synthetic cohort, distance | within 2 | prior, distance | within 2 |",
        "|---|---|---|---|---|---|",
    ]
    names: list[str | None] = [block.block for block in evaluation.blocks]
    for name in [*names, None]:
        count = sum(len(block.noisy) for block in evaluation.blocks if name in (None, block.block))
        label = "all" if name is None else _BLOCKS.get(name, name)
        figures = [
            text
            for of in ("synthetic", "prior")
            for text in (
                f"{evaluation.root_mean_square(of, name):.2f}",
                f"{100 * evaluation.share_near(of, name):.0f} %",
            )
        ]
        rows.append(f"| {label} | {count:,} | {' | '.join(figures)} |")
    return "\n".join(rows)


def _evaluation(spec: ReleaseSpec, evaluation: PublicEvaluation, d: Dictionary) -> str:
    synthetic = evaluation.synthetic
    return fill(
        "EVALUATION.md",
        title=spec.title,
        version=spec.version,
        measured=f"{evaluation.patients:,.0f}",
        n=f"{synthetic.n:,}",
        fit=_fit(evaluation),
        noise=f"{evaluation.noise:.3g}",
        least=_least_kept(evaluation),
        variables=_variables(synthetic, d),
        risk=_risk(synthetic.risk),
        survival=_survival(synthetic.survival, d),
    )


def _least_kept(evaluation: PublicEvaluation) -> str:
    rows = ["| what | columns | released | synthetic cohort | prior |", "|---|---|---|---|---|"]
    found = []
    for block in evaluation.blocks:
        distances = abs(block.deviations("synthetic", evaluation.noise))
        found += [(-float(distance), block, place) for place, distance in enumerate(distances)]
    for _, block, place in sorted(found, key=lambda item: item[0])[:_LEAST_KEPT]:
        figures = (block.noisy[place], block.synthetic[place], block.prior[place])
        shown = " | ".join(f"{value:.2f}" for value in figures)
        label = _BLOCKS.get(block.block, block.block)
        rows.append(f"| {cell(label)} | {cell(block.columns[place])} | {shown} |")
    return "\n".join(rows)


def _variables(synthetic: CohortSummary, d: Dictionary) -> str:
    rows = ["| variable | what | synthetic cohort | missing |", "|---|---|---|---|"]
    for summary in synthetic.variables:
        variable = d[summary.name]
        missing = "" if summary.missing is None else f"{100 * summary.missing / summary.n:.1f} %"
        rows.append(f"| {summary.name} | {cell(variable.label)} | {_shown(summary, variable)} | {missing} |")
    return "\n".join(rows)


def _shown(summary: VariableSummary, variable: Variable) -> str:
    if summary.missing == summary.n:
        return "not assessed"
    if summary.quartiles is not None:
        low, middle, high = (f"{value:.{max(variable.decimals, 0)}f}" for value in summary.quartiles)
        unit = f" {variable.unit}" if variable.unit else ""
        return cell(f"median {middle}{unit} (quartiles {low} and {high})")
    labels = (
        variable.category_labels
        if variable.type == "category"
        else {"1": "present" if variable.type == "tri-state" else "event"}
    )
    known = [count for count in summary.counts if count.value in labels and count.share is not None]
    return cell("; ".join(f"{labels[c.value]} {100 * (c.share or 0.0):.1f} %" for c in known))


def _risk(risk: Sequence[CategoryCount]) -> str:
    known = [count for count in risk if count.share is not None and count.value != NA]
    if not known:
        return ""
    shares = "; ".join(f"{count.value} {100 * (count.share or 0.0):.1f} %" for count in known)
    return f"Risk by the dictionary's classification, of those in whom it is known: {shares}.\n\n"


def _survival(summaries: Sequence[SurvivalSummary], d: Dictionary) -> str:
    heads = " | ".join(f"at {month} months" for month in _MONTHS)
    rows = [
        f"| endpoint | patients | events | median, months | {heads} |",
        "|---|---|---|---|" + "---|" * len(_MONTHS),
    ]
    labels = {endpoint.name: endpoint.label for endpoint in d.endpoints}
    for summary in summaries:
        if not summary.n:
            continue
        points = {point.months: point.survival for point in summary.curve}
        at = [f"{100 * points[month]:.1f} %" if month in points else "" for month in map(float, _MONTHS)]
        figures = " | ".join((f"{summary.n:,}", f"{summary.events or 0:,}", _median(summary.median), *at))
        rows.append(f"| {cell(labels[summary.endpoint])} ({summary.endpoint}) | {figures} |")
    return "\n".join(rows) if len(rows) > 2 else "No endpoint is known."


def _median(figure: Figure) -> str:
    if figure.value is None:
        return "not reached"
    interval = (
        "" if figure.low is None or figure.high is None else f" ({figure.low:.1f} to {figure.high:.1f})"
    )
    return f"{figure.value:.1f}{interval}"
