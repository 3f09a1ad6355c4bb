"""What an attack found on members, on non-members and by guessing: its figures and its measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from amlsynth.evaluation.measure_group import (
    EvaluatedCohort,
    EvaluationContext,
    MeasureDefinition,
    NotComputable,
    attempt,
)
from amlsynth.evaluation.privacy.attacks.attack_data import AttackData
from amlsynth.evaluation.privacy.attacks.rates import Rate, risk_figure
from amlsynth.evaluation.records import Figure

GIOMI = (
    "Giomi et al., A unified framework for quantifying privacy risk in synthetic data, PETS 2023, "
    "arXiv:2211.10459"
)
_RATES = {
    "main": (
        "success on training patients",
        "Share of attacks that succeed on training patients, with Wilson's 95 % interval. Much of it is "
        "knowledge about the disease: read it against the control.",
    ),
    "control": (
        "success on hold-out patients",
        "Share of the same attacks that succeed on hold-out patients, of whom the synthetic cohort cannot "
        "tell anything but what holds for the disease. Wilson's 95 % interval.",
    ),
    "baseline": (
        "success of guessing",
        "Share of random guesses that succeed on training patients. An attack that does no better is too "
        "weak to tell anything, whatever its risk.",
    ),
}


@dataclass(frozen=True)
class AttackResult:
    """The rates of an attack; without `baseline` where there is nothing to guess."""

    main: Rate
    control: Rate
    baseline: Rate | None = None

    def figures(self, name: str) -> dict[str, Figure]:
        """Return the figures of the measures that `attack_definitions` describes."""
        found = {
            f"{name}_risk": attempt(lambda: risk_figure(self.main, self.control)),
            f"{name}_main": self.main.figure,
            f"{name}_control": self.control.figure,
        }
        return found if self.baseline is None else {**found, f"{name}_baseline": self.baseline.figure}


def attack_figures(
    attacks: Sequence[tuple[str, Sequence[MeasureDefinition], Callable[[AttackData], AttackResult]]],
    cohort: EvaluatedCohort,
    context: EvaluationContext,
) -> dict[str, Figure]:
    """Run attacks, each named by its measures' prefix; one that cannot be run leaves the reason."""
    found: dict[str, Figure] = {}
    for name, definitions, attack in attacks:
        try:
            found |= attack(AttackData.of(cohort, context)).figures(name)
        except NotComputable as reason:
            found |= no_figures(definitions, str(reason))
    return found


def no_figures(definitions: Sequence[MeasureDefinition], reason: str) -> dict[str, Figure]:
    """Return the same figures where the attacks cannot be run."""
    return {definition.id: Figure(reason=reason) for definition in definitions}


def attack_definitions(
    name: str, label: str, description: str, source: str = GIOMI, *, guessing: bool = True
) -> tuple[MeasureDefinition, ...]:
    """Describe an attack: its risk, and its rates for information; `guessing` when it has a baseline."""
    rates = (
        MeasureDefinition(
            id=f"{name}_{part}",
            label=f"{label}: {what}",
            aspect="privacy",
            better="none",
            description=meaning,
            source=source,
        )
        for part, (what, meaning) in _RATES.items()
        if guessing or part != "baseline"
    )
    return (risk_definition(f"{name}_risk", f"{label}: risk", description, source), *rates)


def risk_definition(
    identifier: str, label: str, description: str, source: str = GIOMI, outcomes: tuple[str, ...] = ()
) -> MeasureDefinition:
    """Describe a risk, which is a control attack's excess; `outcomes` without which there is none."""
    return MeasureDefinition(
        id=identifier,
        label=label,
        aspect="privacy",
        better="lower",
        description=(
            f"{description} Risk: (success on training patients - success on hold-out patients) / (1 - the "
            "latter); 0 is none, and below 0 is chance. The 95 % interval propagates those of both rates. "
            "That this attack fails does not prove that all do."
        ),
        source=source,
        outcomes=outcomes,
    )
