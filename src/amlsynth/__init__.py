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
    from amlsynth.loading import Dataset, dataset, datasets, load
    from amlsynth.release import (
        build_release,
        compare_releases,
        export_release,
        publish_release,
        verify_release,
    )
    from amlsynth.report import render_report
    from amlsynth.site import build_site
    from amlsynth.split import split_cohort
    from amlsynth.tables import read_table, to_typed, write_table
    from amlsynth.tuning import TuningResult, tune, write_params
    from amlsynth.validation import ValidationReport, validate

_HOMES = {
    "About": "cohort",
    "AmlsynthError": "errors",
    "Cohort": "cohort",
    "DataError": "errors",
    "Dataset": "loading",
    "Dictionary": "dictionary",
    "MissingExtraError": "errors",
    "TuningResult": "tuning",
    "UsageError": "errors",
    "ValidationReport": "validation",
    "build_release": "release",
    "build_site": "site",
    "compare_cohorts": "evaluation",
    "compare_releases": "release",
    "dataset": "loading",
    "datasets": "loading",
    "dictionary": "dictionary",
    "eln2022": "derived",
    "evaluate": "evaluation",
    "export_release": "release",
    "generate": "generation",
    "generate_file": "generation",
    "import_amlsg": "cohorts.amlsg",
    "import_mapped": "cohorts.mapping",
    "load": "loading",
    "load_dictionary": "dictionary",
    "publish_release": "release",
    "read_cohort": "cohort",
    "read_evaluation": "evaluation",
    "read_table": "tables",
    "reference_cohort": "cohorts.reference",
    "render_report": "report",
    "split_cohort": "split",
    "to_typed": "tables",
    "tune": "tuning",
    "validate": "validation",
    "verify_release": "release",
    "write_cohort": "cohort",
    "write_evaluation": "evaluation",
    "write_params": "tuning",
    "write_table": "tables",
}

__version__ = _version("amlsynth")
__all__ = [
    "About",
    "AmlsynthError",
    "Cohort",
    "DataError",
    "Dataset",
    "Dictionary",
    "MissingExtraError",
    "TuningResult",
    "UsageError",
    "ValidationReport",
    "__version__",
    "build_release",
    "build_site",
    "compare_cohorts",
    "compare_releases",
    "dataset",
    "datasets",
    "dictionary",
    "eln2022",
    "evaluate",
    "export_release",
    "generate",
    "generate_file",
    "import_amlsg",
    "import_mapped",
    "load",
    "load_dictionary",
    "publish_release",
    "read_cohort",
    "read_evaluation",
    "read_table",
    "reference_cohort",
    "render_report",
    "split_cohort",
    "to_typed",
    "tune",
    "validate",
    "verify_release",
    "write_cohort",
    "write_evaluation",
    "write_params",
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
