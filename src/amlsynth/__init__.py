"""amlsynth: validated synthetic cohorts of acute myeloid leukemia.

The public names are imported when first used, so that `import amlsynth` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amlsynth.cohort import About, Cohort, read_cohort, write_cohort
    from amlsynth.cohorts.amlsg import import_amlsg
    from amlsynth.cohorts.mapping import import_mapped
    from amlsynth.cohorts.reference import reference_cohort
    from amlsynth.derived import eln2022
    from amlsynth.dictionary import Dictionary, dictionary, load_dictionary
    from amlsynth.errors import AmlsynthError, DataError, MissingExtraError, UsageError
    from amlsynth.evaluation import compare_cohorts, evaluate, read_evaluation, write_evaluation
    from amlsynth.generation import generate, generate_file
    from amlsynth.loading import load
    from amlsynth.release import build_release, verify_release
    from amlsynth.report import render_report
    from amlsynth.split import split_cohort
    from amlsynth.tables import read_table, to_typed, write_table
    from amlsynth.validation import ValidationReport, validate

_HOMES = {
    "About": "cohort",
    "AmlsynthError": "errors",
    "Cohort": "cohort",
    "DataError": "errors",
    "Dictionary": "dictionary",
    "MissingExtraError": "errors",
    "UsageError": "errors",
    "ValidationReport": "validation",
    "build_release": "release",
    "compare_cohorts": "evaluation",
    "dictionary": "dictionary",
    "eln2022": "derived",
    "evaluate": "evaluation",
    "generate": "generation",
    "generate_file": "generation",
    "import_amlsg": "cohorts.amlsg",
    "import_mapped": "cohorts.mapping",
    "load": "loading",
    "load_dictionary": "dictionary",
    "read_cohort": "cohort",
    "read_evaluation": "evaluation",
    "read_table": "tables",
    "reference_cohort": "cohorts.reference",
    "render_report": "report",
    "split_cohort": "split",
    "to_typed": "tables",
    "validate": "validation",
    "verify_release": "release",
    "write_cohort": "cohort",
    "write_evaluation": "evaluation",
    "write_table": "tables",
}

__version__ = _version("amlsynth")
__all__ = [
    "About",
    "AmlsynthError",
    "Cohort",
    "DataError",
    "Dictionary",
    "MissingExtraError",
    "UsageError",
    "ValidationReport",
    "__version__",
    "build_release",
    "compare_cohorts",
    "dictionary",
    "eln2022",
    "evaluate",
    "generate",
    "generate_file",
    "import_amlsg",
    "import_mapped",
    "load",
    "load_dictionary",
    "read_cohort",
    "read_evaluation",
    "read_table",
    "reference_cohort",
    "render_report",
    "split_cohort",
    "to_typed",
    "validate",
    "verify_release",
    "write_cohort",
    "write_evaluation",
    "write_table",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'amlsynth' has no attribute {name!r}")
    value = getattr(import_module(f"amlsynth.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
