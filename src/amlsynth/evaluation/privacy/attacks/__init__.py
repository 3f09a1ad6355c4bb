"""Attacks on a released cohort: each runs on training patients and on patients that nobody saw.

A module of an attack exports a `GROUP`; `LIMITS` says what all of them together cannot prove.
"""

from __future__ import annotations

from amlsynth.evaluation.measure_group import MeasureGroup
from amlsynth.evaluation.privacy.attacks import (
    attribute_inference,
    closest,
    linkability,
    membership,
    rare,
    singling_out,
)

GROUPS: tuple[MeasureGroup, ...] = (
    membership.GROUP,
    closest.GROUP,
    singling_out.GROUP,
    linkability.GROUP,
    attribute_inference.GROUP,
    rare.GROUP,
)

LIMITS: tuple[str, ...] = (
    "An attack that fails proves only that this attack fails: a cleverer one, or one that knows more, may "
    "succeed. None of these figures is a guarantee such as differential privacy would give.",
    "Rates are averages over patients. One patient with a rare combination can be exposed while every "
    "average looks well; the figures for outlying patients and rare combinations narrow that gap and do "
    "not close it.",
    "An interval that holds the value of guessing is no proof of safety: with a few hundred hold-out "
    "patients an advantage of some percent stays unseen.",
    "The control attacks take the hold-out for unseen patients of the same population. What synthetic "
    "data tell about the disease, and thereby about everybody who has it, is not counted as a risk.",
    "The attacks see the columns of this table. What is known from elsewhere, such as a date, a place, a "
    "relative or another release of the same patients, can make a link that is not seen here.",
    "The attacks see one released cohort. Several cohorts of the same original give away more together.",
)
