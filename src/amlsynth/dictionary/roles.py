"""What the variables of a disease are to the rest of the package: outcomes, strata, markers, secrets, words.

Whatever is peculiar to one disease is said here, in the dictionary's YAML, and asked for by the code.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from amlsynth.foundation.strict_model import StrictModel


class Entry(StrictModel):
    """Base of every part of a dictionary: unknown keys and wrong types are errors, values do not change."""

    model_config = ConfigDict(strict=True)


Names = Annotated[tuple[str, ...], Field(strict=False)]


class Endpoint(Entry):
    """A time-to-event endpoint: the columns of its time in months and of its status.

    `event` and `censored` are the words for status 1 and 0, as clinical exports show them. `within` names the
    endpoint that this one never outlasts and whose event is an event here too, as death is of event-free
    survival. An `optional` endpoint may be missing in all patients of a cohort.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*$")]
    label: str
    time: str
    status: str
    event: str = "Event"
    censored: str = "Last time known without the event"
    within: str | None = None
    optional: bool = False

    @property
    def suffix(self) -> str:
        """How identifiers of measures name the endpoint: "os"."""
        return self.name.lower()


class Response(Entry):
    """The binary response to treatment: 1 reached, 0 not; `name` is short ("CR"), `label` in full."""

    variable: str
    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*$")]
    label: str


class NumberEffect(Entry):
    """A number among the effects, whose ratio is given for a step of `per` of its units."""

    variable: str
    per: Annotated[float, Field(gt=0, strict=False)]


class Classification(Entry):
    """A risk classification that is derived, never stored: a function that is registered in `derived`.

    `description`, `source` (a reference) and its `doi` stand in the report.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*$")]
    label: str
    function: str
    description: str = ""
    source: str = ""
    doi: Annotated[str, Field(pattern=r"^10\.[0-9]{4,9}/[-._;/:A-Za-z0-9]+$")] | None = None


class Roles(Entry):
    """Roles of variables; each list names variables and may be empty.

    Attributes
    ----------
    response : the response to treatment, where the disease has one.
    first : the number that sequential generators draw first; the first number that is no outcome by default.
    strata : variables whose shares training and hold-out have alike.
    secrets : what a patient may want to keep, the aim of attribute inference; all else is what is known.
    genetic : what a genetics laboratory knows of a patient beside the alterations, for linkability.
    effect_numbers : numbers whose effects on the endpoints are compared.
    effect_markers : binary variables whose effects are compared first, in the order of tables.
    classification : the derived risk classification.
    """

    response: Response | None = None
    first: str | None = None
    strata: Names = ()
    secrets: Names = ()
    genetic: Names = ()
    effect_numbers: Annotated[tuple[NumberEffect, ...], Field(strict=False)] = ()
    effect_markers: Names = ()
    classification: Classification | None = None


class Words(Entry):
    """What texts call the disease, in full and for `short`; which of the paper's tables has which effects.

    `limits` is a sentence on whom cohorts of this disease speak of, for the limits of use in the report.
    """

    disease: str = "the disease"
    short: str = "patients"
    search_hint: str = "such as a gene or survival"
    condition_example: str | None = None
    limits: str | None = None
    paper_tables: Annotated[dict[str, str], Field(strict=False)] = Field(default_factory=dict)


class UnitConvention(Entry):
    """Another unit in which a number is often given: one of it is `factor` of the dictionary's unit."""

    unit: str
    factor: Annotated[float, Field(gt=0, strict=False)]
