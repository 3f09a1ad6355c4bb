"""amlsynth: validated synthetic cohorts of acute myeloid leukemia.

The public names are imported when first used, so that `import amlsynth` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amlsynth.foundation.room import lazy_names
from amlsynth.foundation.version import __version__

if TYPE_CHECKING:
    from amlsynth.audit.run import Audit, audit, write_audit
    from amlsynth.cohort.cohort import About, Cohort, read_cohort, write_cohort
    from amlsynth.cohort.split import split_cohort
    from amlsynth.cohort.tables import read_table, to_typed, write_table
    from amlsynth.cohort.validation import ValidationReport, validate
    from amlsynth.dictionary.derived import eln2022
    from amlsynth.dictionary.model import Dictionary, dictionary, load_dictionary
    from amlsynth.evaluation import compare_cohorts, evaluate, read_evaluation, write_evaluation
    from amlsynth.foundation.errors import AmlsynthError, DataError, MissingExtraError, UsageError
    from amlsynth.generators.fitted import FittedGenerator, fit
    from amlsynth.generators.generation import generate, generate_file
    from amlsynth.inference.estimates import Estimate
    from amlsynth.inference.pool import pool
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
    from amlsynth.sources.amlsg import import_amlsg
    from amlsynth.sources.cbioportal import import_cbioportal
    from amlsynth.sources.karyotype import iscn
    from amlsynth.sources.mapping import import_mapped
    from amlsynth.sources.reference import reference_cohort
    from amlsynth.sources.sketch import sketch
    from amlsynth.survival.frames import survival_frame
    from amlsynth.survival.plot import km_plot
    from amlsynth.tuning import TuningResult, tune, write_params

_HOMES = {
    "About": "cohort.cohort",
    "AmlsynthError": "foundation.errors",
    "Audit": "audit.run",
    "Cohort": "cohort.cohort",
    "DataError": "foundation.errors",
    "Dataset": "loading",
    "Dictionary": "dictionary.model",
    "Estimate": "inference.estimates",
    "FittedGenerator": "generators.fitted",
    "MissingExtraError": "foundation.errors",
    "TuningResult": "tuning",
    "UsageError": "foundation.errors",
    "ValidationReport": "cohort.validation",
    "audit": "audit.run",
    "build_release": "release",
    "build_site": "site",
    "compare_cohorts": "evaluation",
    "compare_releases": "release",
    "dataset": "loading",
    "datasets": "loading",
    "dictionary": "dictionary.model",
    "eln2022": "dictionary.derived",
    "evaluate": "evaluation",
    "export_release": "release",
    "fit": "generators.fitted",
    "generate": "generators.generation",
    "generate_file": "generators.generation",
    "import_amlsg": "sources.amlsg",
    "import_cbioportal": "sources.cbioportal",
    "import_mapped": "sources.mapping",
    "iscn": "sources.karyotype",
    "km_plot": "survival.plot",
    "load": "loading",
    "load_dictionary": "dictionary.model",
    "pool": "inference.pool",
    "publish_release": "release",
    "read_cohort": "cohort.cohort",
    "read_evaluation": "evaluation",
    "read_table": "cohort.tables",
    "reference_cohort": "sources.reference",
    "render_report": "report",
    "sketch": "sources.sketch",
    "split_cohort": "cohort.split",
    "survival_frame": "survival.frames",
    "to_typed": "cohort.tables",
    "tune": "tuning",
    "validate": "cohort.validation",
    "verify_release": "release",
    "write_audit": "audit.run",
    "write_cohort": "cohort.cohort",
    "write_evaluation": "evaluation",
    "write_params": "tuning",
    "write_table": "cohort.tables",
}

__all__ = [
    "About",
    "AmlsynthError",
    "Audit",
    "Cohort",
    "DataError",
    "Dataset",
    "Dictionary",
    "Estimate",
    "FittedGenerator",
    "MissingExtraError",
    "TuningResult",
    "UsageError",
    "ValidationReport",
    "__version__",
    "audit",
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
    "fit",
    "generate",
    "generate_file",
    "import_amlsg",
    "import_cbioportal",
    "import_mapped",
    "iscn",
    "km_plot",
    "load",
    "load_dictionary",
    "pool",
    "publish_release",
    "read_cohort",
    "read_evaluation",
    "read_table",
    "reference_cohort",
    "render_report",
    "sketch",
    "split_cohort",
    "survival_frame",
    "to_typed",
    "tune",
    "validate",
    "verify_release",
    "write_audit",
    "write_cohort",
    "write_evaluation",
    "write_params",
    "write_table",
]


__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
