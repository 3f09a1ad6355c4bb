"""What the record of a release, provenance.json, says that a decision rests on; nothing in it is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml

from amlsynth.foundation.defaults import GUARANTEED
from amlsynth.report.decision.records import Guarantee, Named

Provenance = Mapping[str, Any]


def release_of(provenance: Provenance | None, doi: str | None) -> Named | None:
    """Return the release by its name; None where the record names none."""
    name, version = text(provenance, "name"), text(provenance, "version")
    if provenance is None or name is None or version is None:
        return None
    spec = _spec(provenance)
    creators = spec.get("creators")
    found = creators if isinstance(creators, list) else []
    names = [str(c["name"]) for c in found if isinstance(c, dict) and c.get("name")]
    title = spec.get("title")
    return Named(
        name=name,
        title=title if isinstance(title, str) else name,
        version=version,
        doi=doi,
        date=str(provenance["date"]) if provenance.get("date") else None,
        authors=tuple(names),
    )


def guarantee_of(provenance: Provenance | None) -> Guarantee | None:
    """Return the guarantee of the generator; None where it gives none."""
    if provenance is None or text(provenance, "generator", "name") != GUARANTEED:
        return None
    for path in (("guarantee",), ("generator", "guarantee"), ("generator", "params")):
        told = _at(provenance, *path)
        if isinstance(told, Mapping) and isinstance(told.get("epsilon"), int | float):
            delta = told.get("delta")
            return Guarantee(
                epsilon=float(told["epsilon"]), delta=float(delta) if isinstance(delta, int | float) else None
            )
    return Guarantee()


def limits_by(provenance: Provenance | None, profile: str | None) -> str:
    """Return who decided the limits of the gates, as a sentence."""
    if profile is None:
        return "Nobody has set limits for this cohort."
    gates = _spec(provenance).get("gates") if provenance else None
    file = gates.get("file") if isinstance(gates, dict) else None
    if isinstance(file, str):
        release = release_of(provenance, None)
        who = "; ".join(release.authors) if release and release.authors else "whoever built the release"
        return f"The limits are those of the profile “{profile}” in {file}, set by {who}."
    if provenance is None:
        return f"The limits are those of the profile “{profile}”."
    version = text(provenance, "amlsynth")
    by = f"amlsynth{f' {version}' if version else ''}"
    return (
        f"The limits are those of the profile “{profile}” of {by}, whose makers set them before the release."
    )


def text(provenance: Provenance | None, *path: str) -> str | None:
    """Return a text of the record by its path, or None."""
    found = _at(provenance, *path)
    return found if isinstance(found, str) and found else None


def _at(provenance: Any, *path: str) -> Any:
    for key in path:
        provenance = provenance.get(key) if isinstance(provenance, Mapping) else None
    return provenance


def _spec(provenance: Provenance) -> dict[str, Any]:
    """Return the spec that the record holds as text; {} where it is none."""
    return _parsed(text(provenance, "spec", "text") or "")


@lru_cache(maxsize=8)  # a decision asks several times
def _parsed(spec: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(spec)
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}
