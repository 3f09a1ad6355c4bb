"""The files that a release consists of, by name."""

from __future__ import annotations

from amlsynth.foundation.defaults import CHECKSUMS, DECISION_FILE, DICTIONARY_FILE, REPORT_FILE, REPORT_PDF
from amlsynth.foundation.defaults import PACKAGE as PACKAGE
from amlsynth.release.spec import EXPORTS, Export

PROVENANCE = "provenance.json"
PUBLIC_EVALUATION = "public-evaluation.json"
R_SCRIPT = "load_release.R"
METADATA_FILES = (
    "croissant.json", "ro-crate-metadata.json", "datacite.json", "schema-org.json", R_SCRIPT,
)  # fmt: skip
ADAM_FILES = (
    "adam/adsl.json", "adam/adsl.xpt", "adam/adtte.json", "adam/adtte.xpt", "adam/define.xml",
    "adam/define.xsl",
)  # fmt: skip


def data_paths(name: str, replicate: int = 0) -> tuple[str, str]:
    """Return the CSV and the Parquet file of a release, or of a replicate from 1 up, below its folder."""
    stem = f"data/{name}-{replicate:02}" if replicate else f"data/{name}"
    return f"{stem}.csv", f"{stem}.parquet"


def all_data_paths(name: str, replicates: int) -> tuple[str, ...]:
    """Return the data files of a release with so many replicates, relative to its folder."""
    return tuple(path for number in range(replicates + 1) for path in data_paths(name, number))


def sums_paths(count: int) -> tuple[str, ...]:
    """Return the files of the noisy sums of a release with a guarantee, relative to its folder."""
    return tuple(f"measurements/sum-{number}.json" for number in range(1, count + 1))


def file_names(
    name: str,
    exports: tuple[Export, ...] = EXPORTS,
    *,
    dictionary: bool = True,
    decision: bool = True,
    pdf: bool = True,
    sums: int = 0,
    replicates: int = 0,
) -> frozenset[str]:
    """Return the names of all files that a release with these exports consists of.

    `dictionary`, `decision` and `pdf`, the report on paper, say whether it carries these, as all do but those
    of older versions; `sums` how many noisy sums a release with a guarantee holds, in place of what was
    measured against the original; `replicates` how many cohorts there are beside the first.
    """
    documents = ("README.md", "LICENSE", "CITATION.cff", "CHANGELOG.md", "CODEBOOK.md")
    told = ("PRIVACY.md", "EVALUATION.md") if sums else (REPORT_FILE,)
    records = (PACKAGE, PROVENANCE, CHECKSUMS, *record_files(sums))
    exported = ADAM_FILES if "adam" in exports else ()
    carried = (
        *([DICTIONARY_FILE] if dictionary else []),
        *([DECISION_FILE] if decision and not sums else []),
        *([REPORT_PDF] if pdf and not sums else []),
    )
    data = all_data_paths(name, replicates)
    return frozenset((*data, *documents, *told, *records, *carried, *METADATA_FILES, *exported))


def record_files(sums: int) -> tuple[str, ...]:
    """Return the files of a release that hold its figures, which its provenance has the hashes of."""
    return (PUBLIC_EVALUATION, *sums_paths(sums)) if sums else ("evaluation.json", "gates.json")
