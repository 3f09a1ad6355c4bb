"""What a release may say about its original: what the cohort's record says, and nothing else.

Every statement about the origin is made from the record (FILE.about.json). The words of the spec are checked
against it: a spec copied from the example would else publish patients as "simulated, holds no patient".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from amlsynth.cohort.cohort import About
from amlsynth.foundation.assets import asset
from amlsynth.foundation.errors import UsageError
from amlsynth.foundation.yamlfile import line_of, read_yaml
from amlsynth.release.spec import ReleaseSpec

EXAMPLE = "release/aml-reference.yaml"
# Words that say that nobody stands behind the original.
_SIMULATED = re.compile(
    r"\b(?:simulat(?:ed|ion)|holds? no (?:patients?|person)|no patients?'?s?'? data|no real patients?|"
    r"reference cohort|published aggregates)\b",
    re.IGNORECASE,
)
_PUBLIC_DOMAIN = "CC0-1.0"


def check_origin(spec: ReleaseSpec, path: Path, about: About) -> None:
    """Refuse a spec whose words do not go with the record of its cohort.

    Parameters
    ----------
    spec, path : the release spec and its file.
    about : the record of the original cohort; without FILE.about.json that of a cohort of patients.

    Raises
    ------
    UsageError
        Text of the example stands beside another cohort, the spec calls a cohort of patients simulated, or
        gives up every right in it without a legal basis; the sentences name file, line and remedy.
    """
    problems = [
        *(_example_text(spec) if spec.cohort.source != "reference" else ()),
        *(_contradictions(spec) if not about.simulated else ()),
        *(_rights(spec) if not about.simulated else ()),
    ]
    if problems:
        lines = read_yaml(path, what="release spec")[1]
        raise UsageError(
            "\n".join(f"{path}:{line_of(lines, (key,))}: {key}: {problem}" for key, problem in problems)
        )


def _example_text(spec: ReleaseSpec) -> Iterator[tuple[str, str]]:
    example, _ = read_yaml(asset(EXAMPLE), what="release spec")
    told = {
        "title": spec.title,
        "description": spec.description,
        "creators": [creator.name for creator in spec.creators],
    }
    theirs = {
        "title": example["title"],
        "description": example["description"].strip(),
        "creators": [creator["name"] for creator in example["creators"]],
    }
    for key, value in told.items():
        if _plain(value) == _plain(theirs[key]):
            yield (
                key,
                (
                    "this is the text of the example, which is about the reference cohort, and the cohort is "
                    "another. Write your own, or start from: amlsynth release init --cohort FILE"
                ),
            )


def _contradictions(spec: ReleaseSpec) -> Iterator[tuple[str, str]]:
    for key, text in (
        ("title", spec.title),
        ("description", spec.description),
        ("keywords", " | ".join(spec.keywords)),
        ("changes", " | ".join(spec.changes)),
    ):
        found = _SIMULATED.search(" ".join(text.split()))
        if found:
            yield (
                key,
                (
                    f"says {found.group(0)!r}, and the cohort's record does not call it simulated, so it "
                    "is one of patients. Change the text; what a release says of its origin is made from it."
                ),
            )


def _rights(spec: ReleaseSpec) -> Iterator[tuple[str, str]]:
    if spec.license == _PUBLIC_DOMAIN and spec.legal_basis is None:
        yield (
            "license",
            (
                f"{_PUBLIC_DOMAIN} gives up every right in data made from patients. Add legal_basis, which "
                "says what allows it, or choose another licence."
            ),
        )


def _plain(value: object) -> str:
    return " ".join(str(value).split()).casefold()
