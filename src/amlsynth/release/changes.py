"""What changed between two releases of a data set, in words, each with the step that it asks of the version.

The steps are those of the Data Package standard (datapackage.org, recipe "Data Package version"): a field
removed, added, renamed, moved, retyped or constrained more is MAJOR; other or more data, or a looser
constraint, MINOR; corrected data and descriptions PATCH.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

import pandas as pd

from amlsynth.release.released import Released

_ABSENT = "nothing"
# By what a licence asks of others; to ask more is to tighten, and an unknown one may ask anything.
_DUTIES = {"CC0-1.0": 0, "CC-BY-4.0": 1}


class Step(IntEnum):
    """The part of a version that a change raises at least."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


class Change(NamedTuple):
    """One thing that changed."""

    area: str
    step: Step
    text: str


def changes(old: Released, new: Released) -> list[Change]:
    """Return everything that changed between two releases of one data set, by area."""
    finders = (_fields, _rules, _meaning, _guarantee, _rows, _making, _measures, _gates, _descriptions)
    return [change for finder in finders for change in finder(old, new)]


def _fields(old: Released, new: Released) -> Iterator[Change]:
    before = {field["name"]: field for field in old.fields}
    after = {field["name"]: field for field in new.fields}
    removed = [name for name in before if name not in after]
    added = [name for name in after if name not in before]
    for name in list(removed):
        same = [other for other in added if _but_name(after[other]) == _but_name(before[name])]
        if len(same) == 1:
            yield Change("fields", Step.MAJOR, f"{name} is now called {same[0]}")
            removed.remove(name)
            added.remove(same[0])
    yield from (Change("fields", Step.MAJOR, f"{name} was removed") for name in removed)
    yield from (Change("fields", Step.MAJOR, f"{name} was added") for name in added)
    common = [name for name in before if name in after]
    if common != [name for name in after if name in before]:
        yield Change("fields", Step.MAJOR, "the order of the fields changed")
    for name in common:
        yield from _field(name, before[name], after[name])
    schemas = (old.package.resources[0].table_schema, new.package.resources[0].table_schema)
    missing = [schema.get("missingValues") for schema in schemas]
    if missing[0] != missing[1]:
        yield Change("fields", Step.MAJOR, f"missing values are written {missing[1]}, were {missing[0]}")


def _but_name(field: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in field.items() if key != "name"}


def _field(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for key, word in (("type", "type"), ("format", "format"), ("unit", "unit")):
        if old.get(key) != new.get(key):
            text = f"the {word} of {name} is {_word(new.get(key))}, was {_word(old.get(key))}"
            yield Change("fields", Step.MAJOR, text)
    was, now = old.get("constraints", {}), new.get("constraints", {})
    for key in ("minimum", "maximum"):
        yield from _bound(name, key, was, now)
    for key in sorted({*was, *now} - {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum"}):
        if was.get(key) != now.get(key):
            looser = key == "required" and not now.get(key)
            text = f"{key} of {name} is {_word(now.get(key))}, was {_word(was.get(key))}"
            yield Change("fields", Step.MINOR if looser else Step.MAJOR, text)
    yield from _values(name, was.get("enum"), now.get("enum"))
    known = {"name", "type", "format", "unit", "constraints"}
    words = sorted(key for key in {*old, *new} - known if old.get(key) != new.get(key))
    if words:
        yield Change("fields", Step.PATCH, f"the {' and '.join(words)} of {name} changed in words")


def _bound(name: str, key: str, was: dict[str, Any], now: dict[str, Any]) -> Iterator[Change]:
    """Compare a lower or an upper bound; one that excludes its value is tighter than one that does not."""
    sign = 1 if key == "minimum" else -1
    exclusive = f"exclusive{key.capitalize()}"

    def tightness(constraints: dict[str, Any]) -> tuple[float, int]:
        if exclusive in constraints:
            return sign * float(constraints[exclusive]), 1
        return (sign * float(constraints[key]) if key in constraints else -math.inf), 0

    def shown(constraints: dict[str, Any]) -> str:
        if exclusive in constraints:
            return f"{'above' if sign > 0 else 'below'} {constraints[exclusive]:g}"
        return f"{constraints[key]:g}" if key in constraints else "none"

    before, after = tightness(was), tightness(now)
    if before != after:
        tighter = after > before
        text = f"the {key} of {name} is {'tighter' if tighter else 'looser'}: {shown(now)}, was {shown(was)}"
        yield Change("fields", Step.MAJOR if tighter else Step.MINOR, text)


def _values(name: str, was: list[Any] | None, now: list[Any] | None) -> Iterator[Change]:
    if was == now:
        return
    if was is None or now is None:
        step = Step.MAJOR if was is None else Step.MINOR
        text = "is limited to a list" if was is None else "is no longer limited to a list"
        yield Change("fields", step, f"{name} {text} of values")
        return
    lost, gained = [v for v in was if v not in now], [v for v in now if v not in was]
    if lost:
        yield Change("fields", Step.MAJOR, f"{name} may no longer be {', '.join(map(str, lost))}")
    if gained:
        yield Change("fields", Step.MINOR, f"{name} may also be {', '.join(map(str, gained))}")
    if not lost and not gained:
        yield Change("fields", Step.PATCH, f"the values of {name} are listed in another order")


def _rules(old: Released, new: Released) -> Iterator[Change]:
    for rule in [rule for rule in old.rules if rule not in new.rules]:
        yield Change("rules", Step.MINOR, f"{rule} no longer applies ({old.rules[rule][0]})")
    for rule, (says, severity) in new.rules.items():
        if rule not in old.rules:
            yield Change("rules", Step.MAJOR, f"{rule} is new ({says})")
            continue
        before, was = old.rules[rule]
        if severity != was:
            step = Step.MAJOR if severity == "error" else Step.MINOR
            yield Change("rules", step, f"{rule} is now {_article(severity)} in synthetic data, was {was}")
        if says != before:
            yield Change("rules", Step.PATCH, f"{rule} now says: {says}")


def _meaning(old: Released, new: Released) -> Iterator[Change]:
    before, after = old.package, new.package
    if before.original_is_simulated != after.original_is_simulated:
        kinds = {True: "a simulated cohort", False: "a cohort of patients"}
        was, now = kinds[before.original_is_simulated], kinds[after.original_is_simulated]
        yield Change("original", Step.MAJOR, f"the data come from {now}, came from {was}")
    if before.endpoints is not None and after.endpoints is not None:
        lost = [name for name in before.endpoints if name not in after.endpoints]
        gained = [name for name in after.endpoints if name not in before.endpoints]
        yield from (Change("endpoints", Step.MAJOR, f"{name} is empty now") for name in lost)
        yield from (Change("endpoints", Step.MINOR, f"{name} was empty and is there now") for name in gained)
    licences = [", ".join(licence.name for licence in package.licenses) for package in (before, after)]
    if licences[0] != licences[1]:
        known = [_DUTIES.get(licence, math.inf) for licence in licences]
        step = Step.MINOR if known[1] < known[0] else Step.MAJOR
        yield Change("licence", step, f"it is under {licences[1]}, was under {licences[0]}")


def _guarantee(old: Released, new: Released) -> Iterator[Change]:
    """Compare what is promised to the patients, which the version's number says nothing of."""
    before, after = old.package.guarantee, new.package.guarantee
    if before != after:
        was, now = (
            "none" if g is None else f"epsilon {g.epsilon:g}, delta {g.delta:.2g}" for g in (before, after)
        )
        yield Change("guarantee", Step.MAJOR if after is None else Step.MINOR, f"{now}, was {was}")


def _rows(old: Released, new: Released) -> Iterator[Change]:
    """Compare the rows as multisets, in the fields that both have in the same type."""
    n_old, n_new = len(old.rows), len(new.rows)
    if n_old != n_new:
        yield Change("rows", Step.MINOR, f"{n_new:,} patients, were {n_old:,}")
    common = [name for name in old.rows if name in new.rows and old.rows[name].dtype == new.rows[name].dtype]
    if not common:
        yield Change("rows", Step.MINOR, "no field is the same, so no row is")
        return
    hashes = [pd.util.hash_pandas_object(one.rows[common], index=False) for one in (old, new)]
    counts = [found.value_counts() for found in hashes]
    kept = int(pd.concat(counts, axis=1, join="inner").min(axis=1).sum())
    if kept == n_old == n_new:
        if not hashes[0].equals(hashes[1]):
            yield Change("rows", Step.PATCH, "the same patients stand in another order")
    elif kept == n_old:
        yield Change("rows", Step.MINOR, f"{n_new - n_old:,} were added, the others are as they were")
    elif kept == n_new:
        yield Change("rows", Step.MAJOR, f"{n_old - n_new:,} were removed, the others are as they were")
    else:
        remade = any(_made(old, key) != _made(new, key) for key in ("cohort", "split", "generator"))
        why = (
            "made anew from a changed spec"
            if remade
            else "corrected: the spec of how they are made is the same"
        )
        step = Step.MINOR if remade else Step.PATCH
        yield Change("rows", step, f"{n_new - kept:,} of {n_new:,} are new or changed, {why}")


def _making(old: Released, new: Released) -> Iterator[Change]:
    """Compare how the data were made; what that did to them is what the rows say."""
    was, now = old.provenance.generator, new.provenance.generator
    if was.name != now.name:
        yield Change("generator", Step.PATCH, f"{now.name}, was {was.name}")
    for key in sorted({*was.params, *now.params}):
        if was.params.get(key, _ABSENT) != now.params.get(key, _ABSENT):
            values = [params.get(key, "the default") for params in (now.params, was.params)]
            text = f"{key} is {values[0]}, was {values[1]}"
            yield Change("parameters", Step.PATCH, text)
    seeds = {
        "generator": (was.seed, now.seed),
        "split": (old.provenance.split.seed, new.provenance.split.seed),
        "evaluation": (old.provenance.evaluation_seed, new.provenance.evaluation_seed),
    }
    for name, (before, after) in seeds.items():
        if before != after:
            yield Change("seeds", Step.PATCH, f"that of the {name} is {after}, was {before}")
    parts = (old.provenance.split, new.provenance.split)
    if parts[0].holdout != parts[1].holdout:
        yield Change("split", Step.PATCH, f"hold-out {parts[1].holdout:g}, was {parts[0].holdout:g}")
    counts = [(part.n_train, part.n_holdout) for part in parts]
    if counts[0] != counts[1]:
        was_n, now_n = ("not told" if None in found else "{:,} + {:,}".format(*found) for found in counts)
        yield Change("split", Step.PATCH, f"training and held-out patients: {now_n}, were {was_n}")
    if _made(old, "cohort") != _made(new, "cohort"):
        yield Change("original", Step.PATCH, "the spec names another original, or reads it otherwise")
    if old.provenance.amlsynth != new.provenance.amlsynth:
        text = f"amlsynth {new.provenance.amlsynth}, was {old.provenance.amlsynth}"
        yield Change("software", Step.PATCH, text)


def _measures(old: Released, new: Released) -> Iterator[Change]:
    if old.evaluation is None or new.evaluation is None:
        return
    before = {measure.id: measure for measure in old.evaluation.measures}
    moved: list[tuple[float, str]] = []
    for measure in new.evaluation.measures:
        then = before.pop(measure.id, None)
        was, now = (then.synthetic.value if then else None), measure.synthetic.value
        if then is None:
            yield Change("measures", Step.PATCH, f"{measure.label} is measured as well")
        elif _figure(was) != _figure(now):
            scale = max(abs(was or 0.0), abs(now or 0.0))
            distance = math.inf if was is None or now is None else abs(now - was) / scale
            moved.append((distance, f"{measure.label} is {_figure(now)}, was {_figure(was)}"))
    moved.sort(key=lambda item: -item[0])  # what moved most in proportion comes first
    yield from (Change("measures", Step.PATCH, text) for _, text in moved)
    yield from (Change("measures", Step.PATCH, f"{gone.label} is not measured") for gone in before.values())


def _gates(old: Released, new: Released) -> Iterator[Change]:
    profiles = (old.provenance.gate_profile, new.provenance.gate_profile)
    if profiles[0] != profiles[1]:
        yield Change("gates", Step.PATCH, f"profile {profiles[1]}, was {profiles[0]}")
    if old.gates is None or new.gates is None:
        return
    before = {gate.id: gate for gate in old.gates.gates}
    for gate in new.gates.gates:
        was = before.pop(gate.id, None)
        if was is None:
            yield Change("gates", Step.PATCH, f"{gate.label} is new")
            continue
        if (was.comparison, was.threshold) != (gate.comparison, gate.threshold):
            text = f"{gate.label} asks for {_asked(gate)}, asked for {_asked(was)}"
            yield Change("gates", Step.PATCH, text)
        if was.required != gate.required:
            text = f"{gate.label} is {'required, was advice' if gate.required else 'advice, was required'}"
            yield Change("gates", Step.PATCH, text)
        if was.passed != gate.passed:
            text = f"{gate.label} {'is passed now' if gate.passed else 'is no longer passed'}"
            yield Change("gates", Step.PATCH, text)
    yield from (Change("gates", Step.PATCH, f"{gone.label} is gone") for gone in before.values())


def _descriptions(old: Released, new: Released) -> Iterator[Change]:
    before, after = old.package, new.package
    if before.follows != after.follows:
        yield Change("descriptions", Step.PATCH, f"dictionary {after.follows}, was {before.follows}")
    for key in ("title", "description", "keywords", "contributors"):
        if getattr(before, key) != getattr(after, key):
            yield Change("descriptions", Step.PATCH, f"the {key} changed")


def _made(release: Released, key: str) -> Any:
    return release.spec.get(key)


def _asked(gate: Any) -> str:
    limit = "" if gate.threshold is None else f" {gate.threshold:g}"
    return f"{gate.comparison.replace('_', ' ')}{limit}"


def _figure(value: float | None) -> str:
    return "not available" if value is None else f"{value:.4g}"


def _word(value: Any) -> str:
    return _ABSENT if value is None else str(value)


def _article(severity: str) -> str:
    return "an error" if severity == "error" else f"a {severity}"
