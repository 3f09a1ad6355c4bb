"""AIM with `mbi`: two-way tables chosen one after the other where the model so far is worst. Runs in an
environment with mbi alone; called by private_rivals.py.

    python benchmarks/aim.py CODES.npz RHO N SEED OUT.npz

The workload is every pair of columns. A tenth of rho chooses by exponential mechanism, the rest measures;
Gaussian noise, drawn in floating-point numbers: a benchmark, nothing to release. Neighbours differ by one
patient added or removed. Errors of pairs are read off 10,000 rows drawn from the model.

Source: McKenna, Mullins, Sheldon and Miklau, "AIM: An Adaptive and Iterative Mechanism for Differentially
Private Synthetic Data", VLDB 2022, Algorithms 3 and 4.
"""

from __future__ import annotations

import itertools
import sys
import time

import mbi
import numpy as np
from mst import main, table

# The paper has 80 MB. Each round compiles its model anew, which takes most of the time.
ROUNDS_A_COLUMN = 16
MOST_MB = 8
MEASURING = 0.9
STEPS, LAST_STEPS = 200, 1000
DRAWN = 10_000


def aim(codes: np.ndarray, sizes: np.ndarray, rho: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return synthetic codes, shape (n, columns), of columns with `sizes` values each."""
    columns = codes.shape[1]
    names = [f"c{i}" for i in range(columns)]
    domain = mbi.Domain(names, [int(size) for size in sizes])
    rounds = ROUNDS_A_COLUMN * columns
    sigma = np.sqrt(rounds / (2 * MEASURING * rho))
    epsilon = np.sqrt(8 * (1 - MEASURING) * rho / rounds)

    def measured(group: tuple[int, ...]) -> mbi.LinearMeasurement:
        y = table(codes, list(group), sizes)
        return mbi.LinearMeasurement(
            y + sigma * rng.standard_normal(len(y)), tuple(names[i] for i in group), float(sigma)
        )

    def fitted(steps: int) -> tuple[mbi.MarkovRandomField, np.ndarray]:
        model = mbi.estimation.MirrorDescent().estimate(
            domain, measurements, known_total=total, iters=steps, warm_start=model_before
        )
        drawn = model.synthetic_data(DRAWN if steps == STEPS else n).to_dict()
        return model, np.column_stack([np.asarray(drawn[name]) for name in names])

    singles = [(i,) for i in range(columns)]
    pairs = list(itertools.combinations(range(columns), 2))
    # A pair meets twice as many pairs of the workload as a column does, so a column weighs half.
    weights = {**dict.fromkeys(singles, 0.5), **dict.fromkeys(pairs, 1.0)}
    truth = {group: table(codes, list(group), sizes) for group in weights}
    measurements = [measured(group) for group in singles]
    used = columns / (2 * sigma**2)
    total = float(np.mean([m.noisy_measurement.sum() for m in measurements]))
    model_before = None
    model_before, rows = fitted(STEPS)
    chosen: list[tuple[int, ...]] = []
    started = time.monotonic()
    while used < rho * (1 - 1e-9):
        if rho - used <= 2 * (1 / (2 * sigma**2) + epsilon**2 / 8):
            epsilon = np.sqrt(8 * (1 - MEASURING) * (rho - used))
            sigma = np.sqrt(1 / (2 * MEASURING * (rho - used)))
        used += epsilon**2 / 8 + 1 / (2 * sigma**2)
        small = [group for group in weights if _small(domain, names, chosen, group, used / rho)]
        expected = {group: table(rows, list(group), sizes) * (total / len(rows)) for group in small}
        # Adding a patient moves a score by its weight, which is 1 at most.
        score = np.array(
            [
                weights[group]
                * (np.abs(truth[group] - expected[group]).sum() - _noise(sigma, len(truth[group])))
                for group in small
            ]
        )
        likelihood = np.exp(0.5 * epsilon * (score - score.max()))
        group = small[rng.choice(len(small), p=likelihood / likelihood.sum())]
        chosen.append(group)
        measurements.append(measured(group))
        last = used >= rho * (1 - 1e-9)
        model_before, rows = fitted(LAST_STEPS if last else STEPS)
        moved = np.abs(table(rows, list(group), sizes) * (total / len(rows)) - expected[group]).sum()
        print(
            f"{len(chosen)} tables, {used / rho:.0%} of rho, sigma {sigma:.1f}, moved {moved:.0f}, "
            f"{time.monotonic() - started:.0f} s",
            flush=True,
        )
        if moved <= _noise(sigma, len(truth[group])):
            epsilon, sigma = 2 * epsilon, sigma / 2
    return rows


def _noise(sigma: float, cells: int) -> float:
    """Return the L1 error of a noisy table that is to be expected of its noise."""
    return float(np.sqrt(2 / np.pi) * sigma * cells)


def _small(
    domain: mbi.Domain, names: list[str], chosen: list[tuple[int, ...]], group: tuple[int, ...], share: float
) -> bool:
    if group in chosen or len(group) == 1:
        return True
    cliques = [tuple(names[i] for i in one) for one in [*chosen, group]]
    return bool(mbi.junction_tree.hypothetical_model_size(domain, cliques) <= share * MOST_MB)


if __name__ == "__main__":
    main(aim, *sys.argv[1:])
