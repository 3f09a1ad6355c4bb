"""The documents of a release that people read: README, LICENSE, CITATION.cff, CHANGELOG, CODEBOOK.

All are made from the spec and from what the release holds (`Parts`): the evaluation and the gate report, or,
with a guarantee, what `public.documents` makes of public parts; with the templates in release/templates. No
figure is computed here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from string import Template

from amlsynth.dictionary.codebook import codebook
from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.records import Evaluation, PooledEffects
from amlsynth.foundation.addresses import doi_of, doi_url
from amlsynth.foundation.assets import asset
from amlsynth.foundation.defaults import DECISION_FILE, PATIENTS_EACH, REPORT_FILE, REPORT_PDF
from amlsynth.foundation.text import listing
from amlsynth.gates.outcomes import endpoints_in, known_outcomes
from amlsynth.gates.verdict import GateReport
from amlsynth.inference.measured import coverage_sentences
from amlsynth.release.package import Guarantee, Provenance
from amlsynth.release.spec import Creator, RelatedIdentifier, ReleaseSpec, license_text
from amlsynth.report.decision import Decision, decide, decision_text
from amlsynth.report.decision_page import also_weak, facts, readme_rows, told

_ADAM_ROW = (
    "| `adam/` | the same like CDISC ADaM: ADSL and ADTTE as SAS transport files and Dataset-JSON, and their "
    "Define-XML, which says what ADaM asks for and the data do not have |\n"
)
_MEASURED_FILES = (
    f"| `{REPORT_FILE}`, `{REPORT_PDF}` | synthetic against original: tables, survival curves, privacy, "
    "gates, limits; on a screen and on paper |\n"
    "| `decision.json` | the verdict, what speaks against it, and the key figures |\n"
    "| `evaluation.json`, `gates.json` | every figure of the report, and the thresholds that had to be met "
    "|\n"
)
_MEASURED_LIMITS = (
    "- A low leakage figure is no proof of privacy. Do not try to find patients in the data or to link it to "
    "others."
)
_REPLICATES_UNATTACKED = (
    "What is told of privacy below was measured on the cohort alone; the replicates come from further fits "
    "to the same patients and were not attacked. Together they tell more of a patient than one cohort.\n\n"
)
# What Hugging Face calls data sets of fewer rows than these.
_SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"), (math.inf, "10M<n<100M"),
)  # fmt: skip
_VERDICTS = {True: "yes", False: "no", None: "not applicable"}
_ADAM_LINES = """ADaM-like, in R (SAS reads the same files with `libname x xport "adam/adsl.xpt"`):

```r
adsl <- haven::read_xpt("adam/adsl.xpt")     # one row a patient
adtte <- haven::read_xpt("adam/adtte.xpt")   # $parameters; CNSR is 0 for an event, 1 for a censored time
```

"""


@dataclass(frozen=True)
class Parts:
    """What the documents say of a release beside its spec, by what it holds.

    patients : number of synthetic patients.
    originals : patients whom the generator was fitted to, where that is told; the synthetic ones elsewhere.
    simulated : whether the original is simulated.
    endpoints : names of the endpoints that the data have.
    file_rows : rows of README's table of files, for those that not every release holds.
    outcomes : which outcomes the data have and lack, as sentences.
    worth : the sections on what the data are worth and what they give away, from their heading on.
    limits : points of the list of limits.
    rebuild : how the release is made again.
    amlsynth : version that built it.
    guarantee : its differential privacy, where it has a guarantee.
    pooled : how pooled effects agree with the original's, as a sentence, where that is told.
    rare : of which alterations alone effects may be inferred, as a sentence; "" where no bound is known.
    decision : what one can decide by; None with a guarantee, where nothing measured may be told.
    more : further documents by file name.
    """

    patients: int
    originals: int
    simulated: bool
    endpoints: tuple[str, ...]
    file_rows: str
    outcomes: str
    worth: str
    limits: str
    rebuild: str
    amlsynth: str
    guarantee: Guarantee | None = None
    pooled: str = ""
    rare: str = ""
    decision: Decision | None = None
    more: Mapping[str, str] = field(default_factory=dict)


def measured_parts(evaluation: Evaluation, gates: GateReport, d: Dictionary, provenance: Provenance) -> Parts:
    """Return the parts of a release that carries what was measured against the original."""
    holdout = evaluation.holdout
    found = known_outcomes(evaluation, d)
    decision = decide(evaluation, gates, provenance.model_dump(mode="json"), d)
    return Parts(
        patients=evaluation.synthetic.n,
        originals=evaluation.original.n,
        simulated=evaluation.original_is_simulated,
        endpoints=endpoints_in(evaluation),
        file_rows=_MEASURED_FILES,
        outcomes=outcomes(d, found),
        worth=fill(
            "worth.md",
            n_train=f"{evaluation.original.n:,}",
            holdout_line=f"the hold-out has {holdout.n:,}." if holdout else "there was no hold-out.",
            rows=readme_rows(decision),
            profile=gates.profile,
            gates_line=_gates_line(gates),
            gates=_gates(gates),
        ),
        limits=_MEASURED_LIMITS,
        rebuild="with it, the same original and the same versions of software",
        amlsynth=evaluation.amlsynth_version,
        pooled="" if evaluation.pooled is None else _pooled(evaluation.pooled),
        rare=inferable_effects(evaluation, provenance.generator.carriers_to_infer, d),
        decision=decision,
    )


def _pooled(found: PooledEffects) -> str:
    if found.overlap.value is None or found.covering.value is None or found.width.value is None:
        return ""
    return (
        f"In this release, of {found.effects} odds and hazard ratios the pooled 95 % interval holds the "
        f"original's estimate in {100 * found.covering.value:.0f} %. It has "
        f"{100 * found.overlap.value:.0f} % of its length in common with the original's interval on average, "
        f"and is {found.width.value:.2g} times as wide in the median.\n\n"
    )


def inferable_effects(evaluation: Evaluation, carriers: int, d: Dictionary) -> str:
    """Return of which alterations effects may be inferred from replicates; "" where no bound is known.

    They are counted in the synthetic cohort, and set in proportion to the original's size.
    """
    if not carriers:
        return ""
    synthetic, n = evaluation.synthetic, evaluation.original.n
    genetic = {*d.roles.genetic, *(variable.name for variable in d.alterations)}
    enough = [
        f"`{variable.name}`"
        for variable in synthetic.variables
        if variable.name in genetic
        and any(one.value == "1" and (one.share or 0.0) * n >= carriers for one in variable.counts)
    ]
    which = f"only of {listing(enough)}" if enough else "of none"
    return (
        f"Effects of a single alteration may be inferred {which}: the others fewer than {carriers:,} of the "
        "original's patients carry, and the penalty of the generator's regressions moves the effects of "
        "these towards none by half a standard error or more, in all replicates alike.\n\n"
    )


def _inferred(spec: ReleaseSpec, parts: Parts) -> str:
    """Return the section on what may be inferred, by whether the release has replicates."""
    count = spec.generator.replicates
    epsilon = parts.guarantee.epsilon if parts.guarantee else None
    by = spec.generator.name if spec.synthetic is None else spec.synthetic.made_by
    measured = coverage_sentences(by, parts.originals, epsilon)
    if not count:
        return fill("inferred-one.md", measured=measured)
    return fill(
        "inferred.md",
        count=str(count),
        n=f"{_patients_each(spec, parts):,}",
        name=spec.name,
        stem=spec.stem,
        last=f"{count:02}",
        measured=measured,
        pooled=parts.pooled,
        rare=parts.rare,
        privacy="" if parts.guarantee else _REPLICATES_UNATTACKED,
        noise=", and of the noise of the guarantee" if parts.guarantee else "",
    )


def _patients_each(spec: ReleaseSpec, parts: Parts) -> int:
    return spec.generator.replicate_n or PATIENTS_EACH * parts.patients


def report_title(spec: ReleaseSpec) -> str:
    """Return the title of the report of a release."""
    return f"{spec.title}, version {spec.version}"


def documents(spec: ReleaseSpec, parts: Parts, d: Dictionary, changelog: str = "") -> dict[str, str]:
    """Return the text of every document of a release, by file name.

    `changelog` is what follows the spec's own changes: the comparison with the previous version, and
    the entries before.
    """
    return documents_with_doi(spec, parts, d, None) | {
        "LICENSE": license_text(spec.license),
        "CHANGELOG.md": fill(
            "CHANGELOG.md",
            title=spec.title,
            version=spec.version,
            date=spec.date.isoformat(),
            changes="\n".join(f"- {change}" for change in spec.changes),
        )
        + changelog,
        "CODEBOOK.md": codebook(d),
        **parts.more,
    }


def documents_with_doi(spec: ReleaseSpec, parts: Parts, d: Dictionary, doi: str | None) -> dict[str, str]:
    """Return the text of the documents that name the DOI of the release, once it has one."""
    decision = parts.decision.with_doi(doi) if parts.decision else None
    found = {
        "README.md": _readme(spec, parts, d, decision, doi),
        "CITATION.cff": _citation_file(spec, decision, doi),
    }
    return found | ({DECISION_FILE: decision_text(decision)} if decision else {})


def statement(spec: ReleaseSpec, *, simulated: bool, guarantee: Guarantee | None = None) -> str:
    """Return the sentences that say what the data are, for every place that shows them."""
    by = f"the generator {spec.generator.name}" if spec.synthetic is None else spec.synthetic.made_by
    made = f"These are synthetic patients, made by {by}"
    promise = "" if guarantee is None else f" {guarantee.sentence}"
    if simulated:
        return (
            f"{made} from a simulated cohort that holds no patient's data. No row is a patient, and "
            f"nothing about patients can be concluded from them.{promise}"
        )
    return (
        f"{made} from an original cohort of patients. No row is a patient of that cohort; findings have to "
        f"be confirmed on the original.{promise}"
    )


def _responsible(spec: ReleaseSpec) -> str:
    """Return the section that says who answers for the data, or "" where the spec says nothing of it."""
    told = {"Contact": spec.contact, "Ethics": spec.ethics, "Legal basis": spec.legal_basis}
    lines = [f"- {label}: {text}" for label, text in told.items() if text]
    lines += [f"- Funding: {text}" for text in spec.funding]
    return "\n".join(["## Who answers for it", "", *lines, "", ""]) if lines else ""


def citation(spec: ReleaseSpec, doi: str | None = None) -> str:
    """Return the citation as one line of text."""
    names = "; ".join(creator.name for creator in spec.creators)
    link = f" {doi_url(doi)}" if doi else ""
    return f"{names} ({spec.date.year}). {spec.title} (Version {spec.version}) [Data set].{link}"


def _readme(
    spec: ReleaseSpec, parts: Parts, d: Dictionary, decision: Decision | None, doi: str | None
) -> str:
    adam = "adam" in spec.exports
    return fill(
        "README.md",
        card=_card(spec, parts),
        name=spec.name,
        stem=spec.stem,
        title=spec.title,
        version=spec.version,
        date=spec.date.isoformat(),
        license_line=f"Licence: {spec.license}, see `LICENSE`.",
        statement=statement(spec, simulated=parts.simulated, guarantee=parts.guarantee),
        description=spec.description,
        responsible=_responsible(spec),
        n=f"{parts.patients:,}",
        columns=str(len(d.names)),
        days_per_month=f"{d.days_per_month:g}",
        file_rows=_replicate_row(spec, parts) + parts.file_rows,
        inferred=_inferred(spec, parts),
        decision=_verdict(decision) if decision else "",
        export_rows=_ADAM_ROW if adam else "",
        export_lines=_adam_lines(parts.endpoints) if adam else "",
        endpoints=parts.outcomes,
        worth=parts.worth,
        limits=parts.limits,
        rebuild=parts.rebuild,
        amlsynth_version=parts.amlsynth,
        generator=spec.generator.name,
        dictionary=f"{d.name} {d.version}",
        citation=citation(spec, doi),
    )


def _card(spec: ReleaseSpec, parts: Parts) -> str:
    """Return the head of the README that Hugging Face reads: what it is, and which files are the data set.

    It is JSON, which is YAML, too, line by line, so that no text can break out of it.
    """
    configs = [{"config_name": "patients", "default": True, "data_files": f"data/{spec.name}.parquet"}]
    if spec.generator.replicates:
        configs.append({"config_name": "replicates", "data_files": f"data/{spec.name}-*.parquet"})
    size = next(name for most, name in _SIZES if parts.patients < most)
    entries = {
        "pretty_name": spec.title,
        "license": spec.license.lower(),
        "language": ["en"],
        "tags": ["synthetic", "tabular", "medical", *spec.keywords],
        "size_categories": [size],
        "configs": configs,
    }
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in entries.items())


def _replicate_row(spec: ReleaseSpec, parts: Parts) -> str:
    if not spec.generator.replicates:
        return ""
    return (
        f"| `data/{spec.name}-01.csv` to `-{spec.generator.replicates:02}.parquet` | replicates of "
        f"{_patients_each(spec, parts):,} patients, to pool estimates of |\n"
    )


def _adam_lines(endpoints: Iterable[str]) -> str:
    return Template(_ADAM_LINES).substitute(parameters=" and ".join(endpoints))


def _verdict(decision: Decision) -> str:
    """Return the head of the README: the verdict, what speaks against it, for what and for whom."""
    lines = ["## Decision", "", f"**{decision.headline}**", ""]
    lines += [f"- {alarm.signal.capitalize()}: {alarm.sentence}" for alarm in told(decision.alarms)]
    lines += [f"- Also weak: {more}"] if (more := also_weak(decision.alarms)) else []
    lines += [""] if decision.alarms else []
    return "\n".join([*lines, *(f"- *{name}:* {text}" for name, text in facts(decision)), "", ""])


def _gates(gates: GateReport) -> str:
    """Return the gates that were not passed; gates.json has all."""
    missed = [gate for gate in gates.gates if gate.passed is not True]
    if not missed:
        return ""
    rows = ["", "| gate | required | passed | finding |", "|---|---|---|---|"]
    for gate in missed:
        required = "yes" if gate.required else "advised"
        verdict = "undecided" if gate.undecided else _VERDICTS[gate.passed]
        rows.append(f"| {cell(gate.label)} | {required} | {verdict} | {cell(gate.reason)} |")
    return "\n".join(rows) + "\n"


def _gates_line(gates: GateReport) -> str:
    verdicts = [gate.passed for gate in gates.gates]
    text = f"all required gates passed; of those that are advice, {verdicts.count(False) or 'none'} failed."
    missing = verdicts.count(None)
    return text + (f" {missing} not applicable: the cohort lacks what they measure." if missing else "")


def outcomes(d: Dictionary, found: Container[str]) -> str:
    """Return which outcomes the data have and which they lack, as sentences.

    `found` holds the names of the endpoints, and of the response, that there are.
    """
    names = {e.name: f"{e.label.lower()} ({e.name})" for e in d.endpoints}
    response = d.roles.response
    if response is not None:
        names[response.name] = f"{response.label.lower()} ({response.name})"
    there = [text for name, text in names.items() if name in found]
    lacking = [text for name, text in names.items() if name not in found]
    text = f"Outcomes: {', '.join(there)}."
    if lacking:
        text += f" The original lacks {' and '.join(lacking)}: these columns are empty throughout."
    return text


def cell(text: str) -> str:
    """Return a text as a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def _citation_file(spec: ReleaseSpec, decision: Decision | None, doi: str | None) -> str:
    keywords = "\n".join(["keywords:", *(f"  - {_quoted(word)}" for word in spec.keywords)])
    text = fill(
        "CITATION.cff",
        title=_quoted(spec.title),
        version=_quoted(spec.version) + (f"\ndoi: {_quoted(doi)}" if doi else ""),
        date=_quoted(spec.date.isoformat()),
        license=spec.license,
        abstract=_quoted(
            " ".join([spec.description, *([decision.headline, decision.privacy] if decision else [])])
        ),
        authors="\n".join(_author(creator) for creator in spec.creators),
        keywords=keywords if spec.keywords else "",
    )
    references = "".join(_reference(related) for related in spec.related_identifiers)
    return text.rstrip("\n") + "\n" + (f"references:\n{references}" if references else "")


def _reference(related: RelatedIdentifier) -> str:
    """Return a related work as a reference, which the format wants title and authors of."""
    doi = doi_of(related.identifier)
    kind = "article" if related.resource_type == "publication-article" else "generic"
    place = f"doi: {_quoted(doi)}" if doi else f"url: {_quoted(related.identifier)}"
    return (
        f"  - type: {kind}\n"
        f"    title: {_quoted(f'Related work ({related.relation}), titled as registered')}\n"
        "    authors:\n"
        "      - name: Authors as registered\n"
        f"    {place}\n"
    )


def _author(creator: Creator) -> str:
    family, comma, given = creator.name.partition(",")
    # A name without a comma is that of a group, an "entity" of the Citation File Format.
    entries = {"family-names": family, "given-names": given} if comma else {"name": creator.name}
    if creator.orcid:
        entries["orcid"] = f"https://orcid.org/{creator.orcid}"
    if creator.affiliation and comma:
        entries["affiliation"] = creator.affiliation
    lines = [f"{key}: {_quoted(value.strip())}" for key, value in entries.items()]
    return "\n".join(f"  {'-' if number == 0 else ' '} {line}" for number, line in enumerate(lines))


def _quoted(text: str) -> str:
    # A JSON string is a double-quoted string of YAML too, whatever it holds.
    return json.dumps(text, ensure_ascii=False)


def fill(template: str, **values: str) -> str:
    """Return a template of release/templates with its fields filled."""
    text = (asset("release/templates") / template).read_text(encoding="utf-8")
    return Template(text).substitute(values)
