"""A simulated cohort of myelodysplastic neoplasms, for tests of a second disease."""

from __future__ import annotations

import numpy as np
import pandas as pd

from amlsynth.cohort.tables import to_typed
from amlsynth.dictionary.model import Dictionary

# Share of carriers, and log hazard ratio of progression: of the size that the IPSS-M paper reports, rounded.
_GENES = {
    "TET2": (0.28, 0.0), "ASXL1": (0.23, 0.3), "SF3B1": (0.22, -0.4), "SRSF2": (0.15, 0.2),
    "DNMT3A": (0.14, 0.2),
    "RUNX1": (0.11, 0.4), "TP53": (0.10, 0.9), "U2AF1": (0.08, 0.3), "STAG2": (0.08, 0.2),
    "EZH2": (0.06, 0.3),
    "ZRSR2": (0.06, 0.0), "BCOR": (0.05, 0.1), "NRAS": (0.04, 0.4), "CBL": (0.04, 0.3), "IDH2": (0.04, 0.3),
}  # fmt: skip
_CYTOGENETIC = {"del.5q.": 0.09, "minus.7": 0.06, "plus.8": 0.06, "del.20q.": 0.05, "minus.Y": 0.04}


def simulated_mds(d: Dictionary, n: int = 400, seed: int = 1) -> pd.DataFrame:
    """Simulate a typed frame of n patients under the dictionary `mds`; no patient's data went into it."""
    rng = np.random.default_rng(seed)
    table: dict[str, object] = {}
    age = np.clip(np.rint(rng.normal(71, 11, n)), 19, 95)
    blasts = np.round(np.clip(rng.gamma(1.3, 4.0, n), 0, 19.5), 1)
    normal = rng.random(n) < 0.5
    for name, share in _CYTOGENETIC.items():
        table[name] = (~normal & (rng.random(n) < 2 * share)).astype(int)
    complex_ = ~normal & (rng.random(n) < 0.2)
    table |= {
        "CGNK": normal.astype(int),
        "CGCX": complex_.astype(int),
        "abn.17p.": (complex_ & (rng.random(n) < 0.3)),
    }
    risk = np.where(
        complex_, "very poor", np.where(normal, "good", rng.choice(["very good", "intermediate", "poor"], n))
    )
    effect = 0.35 * (age - 71) / 10 + 0.08 * blasts + 0.8 * complex_
    for name, (share, log_ratio) in _GENES.items():
        carrier = rng.random(n) < share * np.where(complex_ & (name == "TP53"), 4, 1)
        table[name] = np.where(rng.random(n) < 0.04, np.nan, carrier)
        effect = effect + log_ratio * carrier
    for variable in d.alterations:
        table.setdefault(variable.name, (rng.random(n) < 0.02).astype(float))
    relative = np.exp(effect - effect.mean())
    transformed = rng.exponential(90 / relative)
    died_first = rng.exponential(60 / relative)
    end = rng.uniform(6, 120, n)
    first = np.minimum(transformed, died_first)
    death = np.where(transformed < died_first, transformed + rng.exponential(12, n), died_first)
    lfs, os = np.minimum(first, end), np.minimum(death, end)
    table |= {
        "AGE": age, "SEX": rng.choice(["female", "male"], n, p=[0.4, 0.6]),
        "MDSTYPE": rng.choice(["de novo", "therapy-related"], n, p=[0.9, 0.1]), "BM_BLAST": blasts,
        "HB": np.round(np.clip(rng.normal(9.7, 1.9, n), 4, 17), 1),
        "PLT": np.rint(rng.lognormal(4.8, 0.8, n)),
        "ANC": np.round(rng.lognormal(0.6, 0.9, n), 2), "CYTORISK": risk,
        "OSTM": np.maximum(np.round(os, 2), 0.03), "OSSTAT": (death <= end).astype(int),
        "LFSTM": np.maximum(np.round(lfs, 2), 0.03), "LFSSTAT": (first <= end).astype(int),
    }  # fmt: skip
    frame = pd.DataFrame({name: table[name] for name in d.names})
    frame.loc[rng.random(n) < 0.05, "ANC"] = np.nan
    return to_typed(frame, d, "the simulated MDS cohort")
