"""`release init`: a release spec for a cohort; what only its steward knows is asked for, not invented."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from amlsynth.cohort.cohort import About, read_cohort
from amlsynth.cohort.split import HOLDOUT_SHARE
from amlsynth.dictionary.generated import FORMATS
from amlsynth.dictionary.model import Dictionary, carried_names
from amlsynth.foundation.defaults import DEFAULT_GENERATOR, GUARANTEED
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.files import write_text
from amlsynth.generators import generator_class
from amlsynth.generators.private.prior import REFERENCE, read_prior
from amlsynth.release.origin import check_origin
from amlsynth.release.spec import ReleaseSpec, read_spec

# What a release needs and a program cannot know, with the question for a terminal.
QUESTIONS: Mapping[str, str] = {
    "title": "Title of the data set",
    "description": "Description (what the data are, for whom, from which trial)",
    "creator": "Creator (Family, Given; ORCID; affiliation; its https://ror.org/ address)",
    "license": "Licence (SPDX, such as CC-BY-4.0)",
}
# Asked for where patients stand behind the original.
OF_PATIENTS: Mapping[str, str] = {
    "contact": "Contact (name and e-mail address)",
    "ethics": "Ethics vote (committee, number, date)",
    "legal_basis": "Legal basis of publishing (consent, law, contract)",
}


def questions(about: About) -> dict[str, str]:
    """Return what has to be told for a release of the cohort, by key, as a question."""
    return {**QUESTIONS, **({} if about.simulated else OF_PATIENTS)}


def init_release(
    cohort: Path,
    out: Path,
    answers: Mapping[str, str | Sequence[str]],
    *,
    generator: str = GUARANTEED,
    prior: Path | None = None,
    d: Dictionary | None = None,
) -> ReleaseSpec:
    """Write a release spec for the cohort in a file.

    By default it is one for everybody: with the generator private and its guarantee, built from a noisy sum
    that `amlsynth measure` still has to draw. Any other generator makes it one for sharing under agreement.

    Parameters
    ----------
    cohort : the original, CSV or Parquet, validated; its FILE.about.json says whether it is simulated.
    out : the spec to write, YAML; it must not exist.
    answers : what `questions` asks for, by key, and optionally `name`, `funder`, `contact`, `ethics` and
        `legal_basis`; `creator` and `funder` may be several. A creator is "Family, Given; ORCID; place".
    generator : the generator of the release.
    prior : a public cohort that the generator private starts from; the reference cohort's simulator when not
        given, which there is for the AML dictionary alone.
    d : the dictionary of the cohort; one that amlsynth does not carry is written beside the spec.

    Returns
    -------
    ReleaseSpec
        The spec as it was written and read again.

    Raises
    ------
    UsageError
        An answer is missing or wrong, `out` exists, there is no such generator or prior, or the spec would
        not be valid: nothing is written.
    DataError
        The cohort breaks the dictionary.
    """
    out, cohort = Path(out), Path(cohort)
    if out.exists():
        raise UsageError(f"{out}: exists already. Choose another name, or remove it.")
    kind = generator_class(generator)
    original = read_cohort(cohort, "original", d)
    if kind.guarantee:
        _check_prior(prior, original.dictionary)
    elif prior is not None:
        raise UsageError(f"--prior goes with the generator {GUARANTEED}. Leave it out.")
    missing = [key for key in questions(original.about) if not answers.get(key)]
    if missing:
        flags = ", ".join(f"--{key.replace('_', '-')}" for key in missing)
        raise UsageError(
            f"{out}: a release of this cohort needs {flags}; give them, or run it on a terminal."
        )
    own = d is not None and d.name not in carried_names()
    dictionary = None if d is None else f"{d.name}.dictionary.yaml" if own else d.name
    made = _guaranteed(cohort, out, prior) if kind.guarantee else _under_agreement(generator, original.n)
    content = _content(original.about, cohort, out, answers, dictionary, made)
    draft = out.with_name(f".{out.name}.draft")
    try:
        write_text(draft, _HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100))
        try:
            spec = read_spec(draft)
            check_origin(spec, draft, original.about)
        except UsageError as error:
            raise UsageError(str(error).replace(str(draft), str(out))) from error
        if own and d is not None:  # only now, so that a spec that is refused leaves nothing
            write_text(out.with_name(f"{d.name}.dictionary.yaml"), FORMATS["yaml"](d))
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return spec


_HEAD = "# A release spec. Build it with: amlsynth release build THIS.yaml --out releases\n"


def _content(
    about: About,
    cohort: Path,
    out: Path,
    answers: Mapping[str, str | Sequence[str]],
    dictionary: str | None,
    made: Mapping[str, Any],
) -> dict[str, Any]:
    name = str(answers.get("name") or f"{_name(about.name)}-synthetic")
    content: dict[str, Any] = {
        "name": name,
        "version": "1.0.0",
        "title": answers["title"],
        "description": answers["description"],
        "date": datetime.date.today(),  # noqa: DTZ011  (the steward's own day)
        "license": answers["license"],
        "creators": [_creator(text) for text in _several(answers["creator"])],
    }
    content |= {key: answers[key] for key in OF_PATIENTS if answers.get(key)}
    if answers.get("funder"):
        content["funding"] = list(_several(answers["funder"]))
    if dictionary is not None:
        content["dictionary"] = dictionary
    return content | {
        "cohort": {"source": "file", "path": _beside(cohort, out)},
        "split": {"seed": 1, "holdout": HOLDOUT_SHARE},
        "generator": made["generator"],
        "evaluation": {"seed": 1},
        "gates": made["gates"],
        "changes": ["First version."],
    }


def _guaranteed(cohort: Path, out: Path, prior: Path | None) -> dict[str, Any]:
    """Return what makes it a release for everybody; the number of patients is left to the noisy sum."""
    part: dict[str, Any] = {"name": GUARANTEED, "measurements": f"{cohort.stem}.sums.json", "seed": 1}
    if prior is not None:
        part["params"] = {"prior": _beside(prior, out)}
    return {"generator": part, "gates": {"profile": "public-release"}}


def _under_agreement(generator: str, n: int) -> dict[str, Any]:
    return {"generator": {"name": generator, "n": n, "seed": 1}, "gates": {"profile": "research"}}


def _check_prior(prior: Path | None, d: Dictionary) -> None:
    """Refuse a prior that is none now, and not when the budget is to be spent."""
    try:
        read_prior(REFERENCE if prior is None else str(prior), "event-history", d)
    except UsageError as error:
        problem = str(error).replace("--param prior=FILE", "--prior FILE")
        raise UsageError(
            f"{problem} Or release it for sharing under an agreement (--generator {DEFAULT_GENERATOR})."
        ) from error


def _beside(path: Path, out: Path) -> str:
    return Path(os.path.relpath(path, out.parent)).as_posix()


def _several(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else value


def _creator(text: str) -> dict[str, str]:
    """Read "Family, Given; ORCID; affiliation; ROR", of which the name alone is needed."""
    parts = [part.strip() for part in text.split(";")]
    creator = {"name": parts[0]}
    for part in parts[1:]:
        if re.search(r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]", part):
            creator["orcid"] = part
        elif part.startswith("https://ror.org/"):
            creator["ror"] = part
        elif part:
            creator["affiliation"] = part
    return creator


def _name(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "cohort"
