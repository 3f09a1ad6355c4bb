"""MST and AIM beside the generator with a guarantee: same cohorts, splits, neighbours and delta.

    python -m venv rivals && rivals/bin/pip install mbi
    python benchmarks/private_rivals.py --python rivals/bin/python
    python benchmarks/private_rivals.py --python rivals/bin/python --models "AIM 3" --cohort amlsg --splits 1

Columns become codes by public input alone: the states, categories and NA of the dictionary, and the bins of
the generator's feature map; codes become patients by drawing a patient of the public prior from the same bin.
Results are added to those of private.py, whose tables show them.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from private import COHORTS, DELTA, HERE, SPLITS, N, add_result, parameters_of, read_results, score, split_of

from amlsynth.generators.private.generator import Private, private
from amlsynth.generators.private.mechanism import Budget, mechanism
from amlsynth.generators.private.patients import Patients

MODELS = ("MST 3", "MST 1", "AIM 3", "AIM 1")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", type=Path, required=True, help="an interpreter that has mbi")
    parser.add_argument("--cohort", choices=COHORTS, nargs="+", default=["amlsg", "reference"])
    parser.add_argument("--models", choices=MODELS, nargs="+", default=["MST 3", "MST 1"])
    parser.add_argument("--splits", type=int, nargs="+", default=list(SPLITS))
    parser.add_argument("--results", type=Path, default=HERE / "results" / "private.jsonl")
    arguments = parser.parse_args()
    done = {
        (run["cohort"], run["model"], run["split"])
        for run in read_results(arguments.results)
        if run["part"] == "cohorts"
    }
    for split, cohort, model in itertools.product(arguments.splits, arguments.cohort, arguments.models):
        if (cohort, model, split) not in done:
            run = {"part": "cohorts", "cohort": cohort, "model": model, "split": split, "draw": 1}
            add_result(arguments.results, run, _one(cohort, model, split, arguments.python))
            print(run, flush=True)


def _one(cohort: str, rival: str, split: int, python: Path) -> dict[str, float | None]:
    name, epsilon = rival.split()
    parts = split_of(cohort, split)
    model = private(**parameters_of(cohort, float(epsilon)))
    coding = Coding(model)
    rho = mechanism(Budget(float(epsilon), DELTA), 1).rho
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder, "codes.npz"), Path(folder, "out.npz")
        np.savez(data, codes=coding.codes(parts.train), sizes=coding.sizes)
        script = [python, HERE / f"{name.lower()}.py", data, rho, N, split, out]
        subprocess.run([str(word) for word in script], check=True)
        with np.load(out) as content:
            frame = coding.patients(content["codes"], np.random.default_rng(split))
    return score(parts, frame, split)


class Coding:
    """Codes of patients' values, and patients of codes, by public input."""

    def __init__(self, model: Private) -> None:
        self.map, self.public, self.d = model.public.map, model.public.frame, model.dictionary
        self.columns = self.map.columns
        constants = self.map.constants
        self.edges = [*constants["number_edges"], constants["time_edges"], constants["time_edges"]]
        flags = len(self.columns.flags) + (self.columns.response is not None)
        levels = [len(v.values) + 1 for v in self.columns.categories]
        self.sizes = np.array([3] * flags + levels + [len(e) + 2 for e in self.edges] + [5])

    def codes(self, frame: pd.DataFrame) -> np.ndarray:
        """Return codes, shape (n, columns); the last value of each but of the pattern is NA."""
        p = Patients.of(frame, self.columns)
        parts = [*p.flags.T] + ([p.response] if self.columns.response is not None else []) + [*p.categories.T]
        limits = [2] * (len(parts) - p.categories.shape[1]) + [len(v.values) for v in self.columns.categories]
        coded = [np.where(np.isnan(x), limit, x) for x, limit in zip(parts, limits, strict=True)]
        for values, edges in zip([*p.numbers.T, p.time, p.inner_time], self.edges, strict=True):
            coded.append(
                np.where(np.isnan(values), len(edges) + 1, np.digitize(np.nan_to_num(values), edges))
            )
        coded.append(self._pattern(p))
        return np.column_stack(coded).astype(np.int64)

    @staticmethod
    def _pattern(p: Patients) -> np.ndarray:
        """Return event-free, alive after an event, dead after one, dead at it; 4 where unknown."""
        known = ~np.isnan(p.time) & ~np.isnan(p.inner_time)
        order = np.where(
            p.inner_event == 0, 0, np.where(p.event == 0, 1, np.where(p.inner_time < p.time, 2, 3))
        )
        return np.where(known, order, 4)

    def patients(self, codes: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
        """Return a typed frame of patients with these codes, sound as the dictionary wants them."""
        from amlsynth.model_space.encoding import imply

        public = self.codes(self.public)
        columns: dict[str, Any] = {v.name: [pd.NA] * len(codes) for v in self.d.variables}
        response = [self.columns.response] if self.columns.response is not None else []
        at = 0
        for variable in (*self.columns.flags, *response):
            columns[variable.name] = pd.array(codes[:, at], dtype="Int8")
            columns[variable.name][codes[:, at] == 2] = pd.NA
            at += 1
        for variable in self.columns.categories:
            words = np.array([*variable.values, None], dtype=object)
            columns[variable.name] = words[codes[:, at]]
            at += 1
        for variable in self.columns.numbers:
            values = self.public[variable.name].to_numpy(float, na_value=np.nan)
            columns[variable.name] = self._drawn(values, public[:, at], codes[:, at], rng)
            at += 1
        assert self.columns.terminal is not None and self.columns.composite is not None
        p = Patients.of(self.public, self.columns)
        outer = self._drawn(p.time, public[:, at], codes[:, at], rng)
        inner = self._drawn(p.inner_time, public[:, at + 1], codes[:, at + 1], rng)
        pattern = codes[:, at + 2]
        day = round(1 / self.d.days_per_month, 2)
        before = np.isin(pattern, (1, 2))
        outer = np.where(before, np.maximum(outer, 2 * day), outer)
        inner = np.where(before, np.minimum(inner, outer - day), outer)
        unknown = (pattern == 4) | np.isnan(outer) | np.isnan(inner)
        time, status = self.columns.terminal
        columns[time] = np.where(unknown, np.nan, outer)
        columns[status] = np.where(unknown, np.nan, np.isin(pattern, (2, 3)))
        time, status = self.columns.composite
        columns[time] = np.where(unknown, np.nan, inner)
        columns[status] = np.where(unknown, np.nan, pattern != 0)
        frame = pd.DataFrame({v.name: pd.Series(columns[v.name]).astype(v.dtype) for v in self.d.variables})
        imply(frame, self.d)
        return frame

    @staticmethod
    def _drawn(
        values: np.ndarray, bins: np.ndarray, codes: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Draw values of the public cohort from the bins that the codes name; NaN for the code of NA."""
        drawn = np.full(len(codes), np.nan)
        for code in np.unique(codes):
            candidates = values[bins == code]
            candidates = candidates[~np.isnan(candidates)]
            if len(candidates):
                drawn[codes == code] = rng.choice(candidates, size=int((codes == code).sum()))
        return drawn


if __name__ == "__main__":
    main()
