"""Time and peak memory of each step of the way, at growing numbers of patients.

Run with `make benchmark` on Linux. Each step runs in a process of its own, and its input is made before
the clock starts; "added MB" is the peak of memory above what was in use then, input and packages. Times on
a shared machine are noisy: read the ratio, which is the time per patient against the same step at 1,606
patients in the same run.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SIZES = (1_606, 100_000, 1_000_000)
SEED = 1


def _frame(n: int):  # type: ignore[no-untyped-def]
    from amlsynth.sources.reference import reference_cohort

    return reference_cohort(n=n, seed=SEED).frame


def _simulate(n: int) -> Callable[[], object]:
    return lambda: _frame(n)


def _validate(n: int) -> Callable[[], object]:
    from amlsynth.cohort.validation import validate

    frame = _frame(n)
    return lambda: validate(frame)


def _read(ending: str) -> Callable[[int], Callable[[], object]]:
    def prepare(n: int) -> Callable[[], object]:
        from amlsynth.cohort.tables import read_table, write_table

        path = Path(tempfile.mkdtemp()) / f"data.{ending}"
        write_table(_frame(n), path)
        return lambda: read_table(path)

    return prepare


def _split(n: int) -> Callable[[], object]:
    from amlsynth.cohort.split import split_cohort

    frame = _frame(n)
    return lambda: split_cohort(frame, seed=SEED)


def _encode(n: int) -> Callable[[], object]:
    from amlsynth.model_space.encoding import decode, encode

    frame = _frame(n)
    return lambda: decode(encode(frame))


def _fit(n: int) -> Callable[[], object]:
    from amlsynth.generators import create

    frame = _frame(n)
    return lambda: create("event-history").fit(frame, np.random.default_rng(SEED))


def _sample(n: int) -> Callable[[], object]:
    from amlsynth.generators import create

    model = create("event-history").fit(_frame(1_606), np.random.default_rng(SEED))
    return lambda: model.sample(n, np.random.default_rng(SEED))


def _evaluate(n: int) -> Callable[[], object]:
    from amlsynth.evaluation import evaluate
    from amlsynth.generators.generation import generate
    from amlsynth.sources.reference import reference_cohort

    made = generate(reference_cohort(n=n, seed=SEED), seed=SEED)
    assert made.split is not None
    train, holdout = made.split.train, made.split.holdout
    return lambda: evaluate(train, made.synthetic.frame, holdout, seed=SEED)


def _build(n: int) -> Callable[[], object]:
    from amlsynth.demo import run_demo

    out = Path(tempfile.mkdtemp()) / "demo"
    return lambda: run_demo(out, n=n, seed=SEED, say=lambda _: None)


# The step, how it is prepared, and the largest size at which it runs in minutes.
STEPS: dict[str, tuple[Callable[[int], Callable[[], object]], int]] = {
    "simulate reference": (_simulate, 1_000_000),
    "read CSV": (_read("csv"), 1_000_000),
    "read Parquet": (_read("parquet"), 1_000_000),
    "validate": (_validate, 1_000_000),
    "split": (_split, 1_000_000),
    "encode and decode": (_encode, 1_000_000),
    "fit event-history": (_fit, 100_000),
    "sample event-history": (_sample, 1_000_000),
    "evaluate": (_evaluate, 100_000),
    "build and verify release": (_build, 1_606),
}


def _measure(step: str, n: int, results: multiprocessing.SimpleQueue[tuple[float, float]]) -> None:
    prepare, _ = STEPS[step]
    prepare(SIZES[0])()  # imports and caches are warm from here on
    work = prepare(n)
    before = _reset_peak()
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    results.put((seconds, _status("VmHWM") - before))


def _reset_peak() -> float:
    """Forget the peak of preparing (Linux), and return the memory in use now, MB."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="leave out larger sizes")
    parser.add_argument("--step", action="append", choices=list(STEPS), help="only this step")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    print(f"| {'step':<24} | {'patients':>9} | {'seconds':>8} | {'per patient':>11} | {'added MB':>8} |")
    print(f"|{'-' * 26}|{'-' * 11}|{'-' * 10}|{'-' * 13}|{'-' * 10}|")
    for step in options.step or STEPS:
        first = 0.0
        for n in SIZES:
            if n > min(options.largest, STEPS[step][1]):
                continue
            results = context.SimpleQueue()
            process = context.Process(target=_measure, args=(step, n, results))
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(f"{step} failed at {n:,} patients")
            seconds, peak = results.get()
            first = first or seconds / n
            print(
                f"| {step:<24} | {n:>9,} | {seconds:>8.2f} | {seconds / n / first:>10.2f}x | {peak:>8.0f} |"
            )


if __name__ == "__main__":
    main()
