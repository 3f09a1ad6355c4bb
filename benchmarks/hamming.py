"""Time and peak memory of the nearest Hamming distances between two cohorts, at growing numbers of patients.

Run with `python benchmarks/hamming.py` on Linux. Every pair of patients is compared, none is sampled; each
size runs in a process of its own, and the cohorts are made before the clock starts. "CPU s" is the work of
all cores together, which other load on the machine hardly changes. "added MB" is the peak of memory above
what was in use then; the whole matrix of distances would take "all pairs MB" at one byte a pair.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import time
from pathlib import Path

SIZES = (1_606, 5_000, 10_000, 20_000)


def _measure(n: int, results: multiprocessing.SimpleQueue[tuple[float, float, float, float]]) -> None:
    from amlsynth.dictionary.model import dictionary
    from amlsynth.evaluation.privacy.hamming import minimum_distances
    from amlsynth.sources.reference import reference_frame
    from amlsynth.statistics.coding import CohortCoding

    one, other = reference_frame(n, 1), reference_frame(n, 2)
    coding = CohortCoding(one, dictionary())
    rows, targets = coding.encode(other), coding.encode(one)
    minimum_distances(rows[:2_000], targets[:2_000], coding)  # the linear algebra is warm from here on
    del one, other
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = _status("VmRSS")
    start, worked = time.perf_counter(), time.process_time()
    distances = minimum_distances(rows, targets, coding)
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    results.put((seconds, worked, _status("VmHWM") - before, float(distances.mean())))


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", type=int, action="append", help="patients in each cohort; may be repeated")
    context = multiprocessing.get_context("spawn")
    print("| patients |       pairs | seconds | CPU s | added MB | all pairs MB | mean distance |")
    print("|----------|-------------|---------|-------|----------|--------------|---------------|")
    for n in parser.parse_args().n or SIZES:
        results = context.SimpleQueue()
        process = context.Process(target=_measure, args=(n, results))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"failed at {n:,} patients")
        seconds, worked, peak, mean = results.get()
        pairs = n * n
        print(
            f"| {n:>8,} | {pairs:>11,} | {seconds:>7.2f} | {worked:>5.1f} | {peak:>8.0f} "
            f"| {pairs / 2**20:>12,.0f} | {mean:>13.2f} |"
        )


if __name__ == "__main__":
    main()
