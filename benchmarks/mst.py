"""MST with `mbi`: a tree of noisy two-way tables. Runs in an environment with mbi alone; called by
private_rivals.py.

    python benchmarks/mst.py CODES.npz RHO N SEED OUT.npz

A third of rho measures every column, a third chooses the edges of a spanning tree by exponential mechanism
(how far the two-way table is from independence), a third measures the chosen tables; Gaussian noise, drawn in
floating-point numbers: a benchmark, nothing to release. Neighbours differ by one patient added or removed.

Source: McKenna, Miklau and Sheldon, "Winning the NIST Contest", Journal of Privacy and Confidentiality 2021.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable

import mbi
import networkx
import numpy as np

Draw = Callable[[np.ndarray, np.ndarray, float, int, np.random.Generator], np.ndarray]


def main(draw: Draw, codes_file: str, rho: str, n: str, seed: str, out: str) -> None:
    """Read codes and their sizes, draw synthetic ones, and write these."""
    with np.load(codes_file) as content:
        codes, sizes = content["codes"], content["sizes"]
    synthetic = draw(codes, sizes, float(rho), int(n), np.random.default_rng(int(seed)))
    np.savez(out, codes=synthetic)


def mst(codes: np.ndarray, sizes: np.ndarray, rho: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return synthetic codes, shape (n, columns), of columns with `sizes` values each."""
    columns = codes.shape[1]
    names = [f"c{i}" for i in range(columns)]
    domain = mbi.Domain(names, [int(size) for size in sizes])
    sigma = float(np.sqrt(columns / (2 * rho / 3)))
    single = [table(codes, [i], sizes) + sigma * rng.standard_normal(sizes[i]) for i in range(columns)]
    measured = [mbi.LinearMeasurement(y, (names[i],), sigma) for i, y in enumerate(single)]
    shares = [np.maximum(y, 0) / np.maximum(y, 0).sum() for y in single]
    total = float(np.mean([y.sum() for y in single]))
    edges = _tree(codes, sizes, shares, total, rho / 3, rng)
    sigma = float(np.sqrt(len(edges) / (2 * rho / 3)))
    for i, j in edges:
        y = table(codes, [i, j], sizes)
        measured.append(
            mbi.LinearMeasurement(y + sigma * rng.standard_normal(len(y)), (names[i], names[j]), sigma)
        )
    model = mbi.estimation.MirrorDescent().estimate(domain, measured, known_total=total, iters=1500)
    drawn = model.synthetic_data(n).to_dict()
    return np.column_stack([np.asarray(drawn[name]) for name in names])


def table(codes: np.ndarray, columns: list[int], sizes: np.ndarray) -> np.ndarray:
    shape = tuple(int(sizes[i]) for i in columns)
    position = np.ravel_multi_index(tuple(codes[:, i] for i in columns), shape)
    return np.bincount(position, minlength=int(np.prod(shape))).astype(float)


def _tree(codes, sizes, shares, total, rho, rng):  # type: ignore[no-untyped-def]
    """Choose the edges of a spanning tree one by one, by the exponential mechanism."""
    pairs = list(itertools.combinations(range(codes.shape[1]), 2))
    score = np.array(
        [
            np.abs(table(codes, [i, j], sizes) - total * np.outer(shares[i], shares[j]).ravel()).sum()
            for i, j in pairs
        ]
    )
    steps = codes.shape[1] - 1
    epsilon = np.sqrt(8 * rho / steps)
    joined = networkx.utils.UnionFind(range(codes.shape[1]))
    chosen = []
    for _ in range(steps):
        open_ = np.array([joined[i] != joined[j] for i, j in pairs])
        # Adding a patient moves a score by 1 at most.
        exponent = np.where(open_, 0.5 * epsilon * score, -np.inf)
        weight = np.exp(exponent - exponent.max())
        pair = pairs[rng.choice(len(pairs), p=weight / weight.sum())]
        joined.union(*pair)
        chosen.append(pair)
    return chosen


if __name__ == "__main__":
    main(mst, *sys.argv[1:])
