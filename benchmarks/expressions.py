"""What the own parser of expressions costs beside SQL in DuckDB, and DuckDB beside pyarrow for Parquet.

    python benchmarks/expressions.py [--rows 1000000]

Prints CPU seconds of one thread. Rules are those of the AML dictionary on a reference cohort, repeated to so
many rows; the hard mappings are made up, on a tenth of the rows.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from amlsynth.dictionary.model import RuleCase, dictionary
from amlsynth.dictionary.pandera_schema import breaks
from amlsynth.expressions.sql import parse_sql
from amlsynth.sources.mapping_expression import parse_expression
from amlsynth.sources.reference import reference_cohort

HARD = {
    "months between two dates": "months_between(dx, coalesce(death, last))",
    "age by dates, in completed years": "age_at(birth, dx)",
    "number out of text, with limits": (
        "case when starts_with(wbc, '<') then number_in(wbc) / 2 else number_in(wbc) end"
    ),
    "one of several words in free text": "matches(lower(finding), '(npm1|nucleophosmin).*(mut|pos)')",
    "karyotype": "iscn(karyotype, 'del.5q.')",
}


def cpu(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def as_sql(case: RuleCase) -> str:
    """Return a rule in SQL: true where it is broken."""

    def translated(text: str) -> str:
        text = re.sub(
            r"any_of\(([^)]*)\)",
            lambda found: "(" + " or ".join(f"{name.strip()} = 1" for name in found[1].split(",")) + ")",
            text,
        )
        return text.replace("==", "=")

    when = f"({translated(case.when.text)}) and " if case.when is not None else ""
    return f"{when}not ({translated(case.require.text)})"


def rules(rows: int) -> None:
    d = dictionary()
    frame = reference_cohort(n=1606, seed=1).frame
    frame = pd.concat([frame] * (rows // len(frame) + 1), ignore_index=True).head(rows)
    columns = {variable.id: frame[variable.name] for variable in d.variables}
    own, sql = [], []
    for case in d.rule_cases:
        own.append(cpu(lambda case=case: breaks(d, case, frame)))  # type: ignore[misc]
        expression = parse_sql(as_sql(case))
        needed = {name: columns[name] for name in expression.names}
        sql.append(cpu(lambda e=expression, c=needed: e.holds(c)))  # type: ignore[misc]
        same = breaks(d, case, frame) == expression.holds(needed)
        assert same.all(), case.rule.id
    print(f"{len(own)} rules of the dictionary, {rows:,} rows: own {sum(own):.1f} s, DuckDB {sum(sql):.1f} s")
    small = frame.head(1606)
    own_small = cpu(lambda: [breaks(d, case, small) for case in d.rule_cases])
    expressions = [parse_sql(as_sql(case)) for case in d.rule_cases]
    few = {name: column.head(1606) for name, column in columns.items()}
    sql_small = cpu(lambda: [e.holds({n: few[n] for n in e.names}) for e in expressions])
    print(f"the same, 1,606 rows: own {own_small * 1e3:.0f} ms, DuckDB {sql_small * 1e3:.0f} ms")


def hard_mappings(rows: int) -> None:
    rng = np.random.default_rng(1)
    day = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 2000, rows), unit="D")
    later = day + pd.to_timedelta(rng.integers(1, 2000, rows), unit="D")
    karyotypes = ["46,XX[20]", "45,XY,-7[12]/46,XY[8]", "46,XY,del(5)(q13q33)[20]", "no metaphases"]
    table = pd.DataFrame(
        {
            "dx": day,
            "last": later,
            "death": pd.Series(later).where(rng.random(rows) < 0.5),
            "birth": day - pd.to_timedelta(rng.integers(20, 80, rows) * 365, unit="D"),
            "wbc": pd.Series(
                [f"{'<' if v < 5 else ''}{v:.1f} G/l" for v in rng.gamma(2, 10, rows)], dtype="string"
            ),
            "finding": pd.Series(
                rng.choice(["NPM1 mutiert", "Nucleophosmin pos.", "wt", ""], rows), dtype="string"
            ),
            "karyotype": pd.Series(rng.choice(karyotypes, rows), dtype="string"),
        }
    )
    for what, text in HARD.items():
        expression = parse_expression(text)
        assert expression.is_sql  # the own parser cannot say any of them
        print(f"{what}, {rows:,} rows: DuckDB {cpu(lambda e=expression: e.evaluate(table)):.2f} s")  # type: ignore[misc]


def parquet(rows: int) -> None:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    frame = reference_cohort(n=1606, seed=1).frame
    frame = pd.concat([frame] * (rows // len(frame) + 1), ignore_index=True).head(rows)
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.parquet" for name in ("pyarrow", "duckdb")}
        connection = duckdb.connect(config={"threads": 1})
        connection.register("frame", frame)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pa.set_cpu_count(1)
        written = {
            "pyarrow": cpu(lambda: pq.write_table(table, paths["pyarrow"], compression="zstd")),
            "duckdb": cpu(
                lambda: connection.execute(
                    f"COPY (SELECT * FROM frame) TO '{paths['duckdb']}' (FORMAT parquet, COMPRESSION zstd)"  # noqa: S608
                )
            ),
        }
        read = {
            "pyarrow": cpu(lambda: pq.read_table(paths["pyarrow"], use_threads=False).to_pandas()),
            "duckdb": cpu(lambda: connection.execute(f"SELECT * FROM '{paths['pyarrow']}'").df()),  # noqa: S608
        }
        for name, path in paths.items():
            print(
                f"Parquet by {name}, {rows:,} rows: written in {written[name]:.1f} s, "
                f"read in {read[name]:.1f} s, {path.stat().st_size / 1e6:.1f} MB"
            )
        kinds = connection.execute(f"SELECT * FROM '{paths['duckdb']}'").df().dtypes  # noqa: S608
        shown = ", ".join(str(kinds[name]) for name in ("AGE", "NPM1", "SEX"))
        print(f"kinds of AGE, NPM1, SEX read by duckdb: {shown}")
    for name in ("pyarrow", "duckdb"):
        print(f"{name}: {installed(name):.0f} MB, imported in {import_seconds(name):.2f} CPU s")


def installed(name: str) -> float:
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent
    files = [*folder.rglob("*"), *folder.parent.glob(f"_{name}*")]
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def import_seconds(name: str) -> float:
    code = f"import pandas, time; t = time.process_time(); import {name}; print(time.process_time() - t)"
    return float(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    rules(given.rows)
    hard_mappings(given.rows // 10)
    parquet(given.rows)
