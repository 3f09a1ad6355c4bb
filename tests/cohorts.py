"""Small cohorts for every step of the way: lacking endpoints, other diseases, a steward's own variables."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from amlsynth.cohort.tables import to_typed
from amlsynth.dictionary.model import Dictionary, dictionary, load_dictionary
from amlsynth.sources.reference import reference_cohort
from mds import simulated_mds

OS_ONLY_MISSING = ("EFSTM", "EFSSTAT", "CR1")

# One endpoint, whose times may be 0; no response, no panels, no roles; a rule between two numbers; and names
# of variables that a careless program may take for its own.
LYMPHOMA = """\
name: lymphoma
version: 1.0.0
title: Lymphoma
description: One endpoint and little else.
days_per_month: 30.4375
missing_values: ["", "NA"]
groups:
  - {id: baseline, label: Baseline}
  - {id: outcome, label: Outcome}
endpoints:
  - {name: OS, label: Overall survival, time: MONTHS, status: DEAD}
variables:
  - {name: STAGE, id: STAGE, label: Stage, group: baseline, type: category, description: Ann Arbor,
     source: us, export_name: STAGE,
     categories: [{value: I, label: I}, {value: II, label: II}, {value: IV, label: IV}]}
  - {name: LDH, id: LDH, label: LDH, group: baseline, type: number, unit: U/l, minimum: 0, maximum: 9000,
     description: Lactate dehydrogenase, source: us, export_name: LDH}
  - {name: MYD88, id: MYD88, label: MYD88, group: baseline, type: tri-state, description: L265P,
     source: us, export_name: MYD88}
  - {name: outcome, id: outcome, label: Response, group: outcome, type: tri-state, description: Any,
     source: us, export_name: OUTCOME}
  - {name: time, id: time, label: Time to treatment, group: baseline, type: number, unit: months, minimum: 0,
     maximum: 240, decimals: 1, description: From diagnosis, source: us, export_name: TIME}
  - {name: MONTHS, id: MONTHS, label: Survival, group: outcome, type: number, unit: months, minimum: 0,
     maximum: 240, decimals: 2, description: From diagnosis, source: us, export_name: MONTHS}
  - {name: DEAD, id: DEAD, label: Death, group: outcome, type: status, description: 1 died, source: us,
     export_name: DEAD}
rules:
  - id: treated_alive
    require: time <= MONTHS
    severity: {original: error, synthetic: error}
    message: nobody is treated after death or the end of follow-up
"""

# No number beside the time of the one endpoint.
BARE = """\
name: bare
version: 1.0.0
title: Bare
description: One endpoint and one variable.
days_per_month: 30.4375
missing_values: ["", "NA"]
groups: [{id: outcome, label: Outcome}]
endpoints:
  - {name: DFS, label: Disease-free survival, time: DFSTM, status: DFSSTAT}
variables:
  - {name: SIDE, id: SIDE, label: Side, group: outcome, type: category, description: Side, source: us,
     export_name: SIDE, categories: [{value: left, label: Left}, {value: right, label: Right}]}
  - {name: DFSTM, id: DFSTM, label: Time, group: outcome, type: number, unit: months, minimum: 0,
     exclusive_minimum: true, maximum: 240, decimals: 2, description: Time, source: us, export_name: DFSTM}
  - {name: DFSSTAT, id: DFSSTAT, label: Status, group: outcome, type: status, description: Status, source: us,
     export_name: DFSSTAT}
rules: []
"""

# What a trial group adds to AML, with a rule on an endpoint.
TRIAL = """\
extends: aml
name: trial
version: 1.0.0
title: Trial
groups:
  - {id: treatment, label: Treatment}
variables:
  - {name: ARM, id: ARM, label: Trial arm, group: treatment, type: category, description: As randomised,
     source: us, export_name: ARM,
     categories: [{value: standard, label: Standard}, {value: "drug A, 5 mg", label: Drug A}]}
  - {name: HSCT, id: HSCT, label: Transplantation, group: treatment, type: tri-state, description: In CR,
     source: us, export_name: HSCT}
  - {name: BM_BLAST, id: BM_BLAST, label: Blasts, group: laboratory, type: number, unit: "%", minimum: 0,
     maximum: 100, description: In the bone marrow, source: us, export_name: BMBLAST}
  - {name: RELAPSE, id: RELAPSE, label: Relapse, group: outcome, type: tri-state, description: After CR,
     source: us, export_name: RELAPSE}
rules:
  - {id: transplanted_in_remission, when: HSCT == 1, require: CR1 == 1, message: HSCT needs a remission,
     severity: {original: error, synthetic: error}}
  - {id: relapse_is_efs_event, when: RELAPSE == 1, require: EFSSTAT == 1, message: relapse is an event,
     severity: {original: error, synthetic: error}}
roles:
  strata: [OSSTAT, ARM]
"""


@dataclass(frozen=True)
class SmallCohort:
    """A typed frame, valid as original data, with its dictionary; do not change it in place."""

    name: str
    frame: pd.DataFrame
    d: Dictionary


SMALL_COHORTS = ("os-only", "mds", "lymphoma", "bare", "trial")


@cache
def small_cohort(name: str) -> SmallCohort:
    """Return one of `SMALL_COHORTS`; 120 to 400 patients."""
    if name == "mds":
        d = load_dictionary("mds")
        return SmallCohort(name, simulated_mds(d, n=300, seed=1), d)
    make = {"os-only": _os_only, "lymphoma": _lymphoma, "bare": _bare, "trial": _trial}[name]
    frame, d = make(np.random.default_rng(7))
    return SmallCohort(name, to_typed(frame, d, name), d)


def read(text: str) -> Dictionary:
    """Return the dictionary of a YAML text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dictionary.yaml"
        path.write_text(text, encoding="utf-8")
        return load_dictionary(path)


def _os_only(rng: np.random.Generator) -> tuple[pd.DataFrame, Dictionary]:
    return reference_cohort(n=300, seed=2).frame.assign(**dict.fromkeys(OS_ONLY_MISSING)), dictionary()


def _lymphoma(rng: np.random.Generator) -> tuple[pd.DataFrame, Dictionary]:
    n = 300
    months = np.round(rng.exponential(30, n).clip(0, 200), 2)
    months[:4] = 0.0
    stage = rng.choice(["I", "II", "IV"], n)
    frame = pd.DataFrame(
        {
            "STAGE": stage,
            "LDH": np.where(rng.random(n) < 0.1, np.nan, np.rint(rng.lognormal(5.5, 0.5, n))),
            "MYD88": np.where(rng.random(n) < 0.1, np.nan, rng.random(n) < 0.2),
            "outcome": (rng.random(n) < 0.6).astype(int),
            "time": np.floor(rng.random(n) * np.minimum(months, 6) * 10) / 10,
            "MONTHS": months,
            "DEAD": (rng.random(n) < np.where(stage == "IV", 0.7, 0.4)).astype(int),
        }
    )
    return frame, read(LYMPHOMA)


def _bare(rng: np.random.Generator) -> tuple[pd.DataFrame, Dictionary]:
    n = 120
    frame = pd.DataFrame(
        {
            "SIDE": rng.choice(["left", "right"], n),
            "DFSTM": np.round(rng.exponential(30, n).clip(0.01, 200), 2),
            "DFSSTAT": (rng.random(n) < 0.5).astype(int),
        }
    )
    return frame, read(BARE)


def _trial(rng: np.random.Generator) -> tuple[pd.DataFrame, Dictionary]:
    frame = reference_cohort(n=300, seed=3).frame
    n = len(frame)
    remission = (frame["CR1"] == 1).to_numpy(bool, na_value=False)
    event = (frame["EFSSTAT"] == 1).to_numpy(bool, na_value=False)
    return frame.assign(
        ARM=rng.choice(["standard", "drug A, 5 mg"], n),
        HSCT=(remission & (rng.random(n) < 0.4)).astype(int),
        BM_BLAST=np.rint(rng.beta(3, 2, n) * 100),
        RELAPSE=np.where(remission, event & (rng.random(n) < 0.8), np.nan),
    ), read(TRIAL)
