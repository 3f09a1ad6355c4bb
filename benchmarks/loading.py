"""Time of loading a release that was loaded before, against bare pandas.read_parquet of its data.

Each figure is a new Python process, imports included: the median over some runs, of both kinds in turn, so
that a load of the machine hits both. `processor` is user and system time; `ratio` is `load` to bare, of
processor time. Run with `python benchmarks/loading.py`.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES = (1_606, 100_000, 1_000_000)


def _release(n: int, out: Path) -> tuple[Path, Path, Path]:
    """Write as much of a release as `load` reads; return folder, zip and Parquet file."""
    from amlsynth.cohort.tables import write_table
    from amlsynth.dictionary.model import dictionary
    from amlsynth.release.archive import write_archive
    from amlsynth.release.checksums import write_checksums
    from amlsynth.release.describing import describe_package
    from amlsynth.release.file_names import data_paths
    from amlsynth.release.spec import ReleaseSpec
    from amlsynth.sources.reference import reference_cohort

    spec = ReleaseSpec.model_validate(
        {
            "name": "bench",
            "version": "1.0.0",
            "title": "A benchmark",
            "description": "Simulated.",
            "date": "2026-11-20",
            "license": "CC0-1.0",
            "creators": [{"name": "Nobody"}],
            "cohort": {"source": "reference", "n": n, "seed": 1},
            "split": {"seed": 1},
            "generator": {"name": "sequential-cart", "n": n, "seed": 1},
            "evaluation": {"seed": 1},
            "gates": {"profile": "research"},
            "changes": ["First."],
        }
    )
    folder = out / f"{n}" / spec.stem
    frame = reference_cohort(n=n, seed=1).frame
    for path in data_paths(spec.name):
        write_table(frame, folder / path)
    d = dictionary()
    endpoints = tuple(endpoint.name for endpoint in d.endpoints)
    package = describe_package(
        spec, folder, d, statement="Simulated.", citation="Nobody", simulated=True, endpoints=endpoints
    )
    (folder / "datapackage.json").write_text(package.json_text(), encoding="utf-8")
    write_checksums(folder)
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    archive = folder.with_name(f"{spec.stem}.zip")
    write_archive(folder, names, archive, spec.stem, spec.date)
    return folder, archive, folder / data_paths(spec.name)[1]


def _timed(code: str) -> tuple[float, float]:
    """Run code in a new process; return elapsed and processor seconds."""
    # Compiled once and kept, as pip does on installing, whatever the environment says of a clone.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    kept["PYTHONPYCACHEPREFIX"] = f"{os.environ['AMLSYNTH_CACHE']}-compiled"
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=kept)
    elapsed, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="leave out larger sizes")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print(f"| {'what':<26} | {'patients':>9} | {'elapsed s':>9} | {'processor s':>11} | {'ratio':>5} |")
    print(f"|{'-' * 28}|{'-' * 11}|{'-' * 11}|{'-' * 13}|{'-' * 7}|")
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["AMLSYNTH_CACHE"] = f"{temporary}/cache"
        for n in SIZES:
            if n > options.largest:
                continue
            folder, archive, parquet = _release(n, Path(temporary))
            os.environ["AMLSYNTH_RELEASES"] = str(folder.parent)
            codes = {
                "bare pandas.read_parquet": f"import pandas; pandas.read_parquet({str(parquet)!r})",
                "load, folder by name": "import amlsynth; amlsynth.load('bench', '1.0.0')",
                "load, zip": f"import amlsynth; amlsynth.load({str(archive)!r})",
            }
            first = {name: _timed(code) for name, code in codes.items()}  # checks, validates and remembers
            laps: dict[str, list[tuple[float, float]]] = {name: [] for name in codes}
            for _ in range(options.runs):
                for name, code in codes.items():
                    laps[name].append(_timed(code))
            middle = {
                name: [statistics.median(lap[kind] for lap in taken) for kind in (0, 1)]
                for name, taken in laps.items()
            }
            bare = middle["bare pandas.read_parquet"][1]
            middle["load, folder, first time"] = list(first["load, folder by name"])
            for name, (elapsed, processor) in middle.items():
                ratio = processor / bare
                print(
                    f"| {name:<26} | {n:>9,} | {elapsed:>9.2f} | {processor:>11.2f} | {ratio:>5.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
