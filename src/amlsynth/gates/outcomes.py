"""The endpoints and the response that gates are about, in a dictionary and in an evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from amlsynth.dictionary.model import Dictionary
from amlsynth.evaluation.records import Evaluation
from amlsynth.gates.profile import Gate


def endpoints_in(evaluation: Evaluation) -> tuple[str, ...]:
    """Return the names of the endpoints that the original has, in the order of the dictionary."""
    return tuple(summary.endpoint for summary in evaluation.original.survival if summary.n != 0)


def known_outcomes(evaluation: Evaluation, d: Dictionary) -> frozenset[str]:
    """Return the names of the endpoints, and of the response, that the original has."""
    found = set(endpoints_in(evaluation))
    if d.roles.response is not None:
        name = d.roles.response.variable
        if any(s.name == name and s.missing != s.n for s in evaluation.original.variables):
            found.add(d.roles.response.name)
    return frozenset(found)


class Outcome(NamedTuple):
    """An endpoint or the response that a gate is about."""

    name: str  # "OS"
    suffix: str  # "os", as measures are called
    label: str  # "overall survival"


def _outcomes(d: Dictionary) -> tuple[list[Outcome], list[Outcome]]:
    """Return the endpoints of a dictionary, and its response where it has one."""
    endpoints = [Outcome(e.name, e.suffix, e.label.lower()) for e in d.endpoints]
    response = d.roles.response
    return endpoints, [
        Outcome(response.name, response.name.lower(), response.label.lower())
    ] if response else []


def written_out(gate: Gate, d: Dictionary) -> Iterator[tuple[Gate, Outcome | None]]:
    """Yield the gates that one in a file stands for, each with the outcome that it is about."""
    endpoints, responses = _outcomes(d)
    for key, outcomes in (("endpoint", endpoints), ("response", responses)):
        if key in gate.placeholders:
            for outcome in outcomes:
                yield gate.about({key: outcome.suffix, "label": outcome.label}), outcome
            return
    # A steward may also name the measure of one endpoint, such as km_score_os, or of the response.
    about = [o for o in endpoints if gate.measure.endswith(f"_{o.suffix}")]
    about += [o for o in responses if gate.measure.startswith(f"{o.suffix}_")]
    yield gate, about[0] if about else None
