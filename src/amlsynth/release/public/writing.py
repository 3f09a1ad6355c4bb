"""Writing a release with a guarantee: the package for everybody, and beside it what stays in the house.

The package holds nothing that was measured against the original. Evaluation, gates with their figures and
the report go into a folder of their own, for ethics committees and regulators.
"""

from __future__ import annotations

from pathlib import Path

from amlsynth.dictionary.carried import write_carried
from amlsynth.evaluation import write_evaluation
from amlsynth.foundation.defaults import DICTIONARY_FILE, REPORT_FILE, REPORT_PDF
from amlsynth.foundation.files import sha256, write_text
from amlsynth.foundation.types import Progress
from amlsynth.gates.outcomes import endpoints_in
from amlsynth.gates.verdict import write_gates
from amlsynth.generators.declared import stated_steps
from amlsynth.generators.private.generator import Private
from amlsynth.generators.private.sums import write_sums
from amlsynth.release.checksums import CHECKSUMS
from amlsynth.release.documents import fill, report_title
from amlsynth.release.file_names import PACKAGE, PROVENANCE, PUBLIC_EVALUATION, all_data_paths, sums_paths
from amlsynth.release.public.documents import guarantee_of, guaranteed_parts
from amlsynth.release.public.evaluation import evaluate_publicly
from amlsynth.release.writing import (
    Made,
    bare_provenance,
    finish,
    measured_provenance,
    write_data,
    write_documents,
)

INTERNAL = "internal"  # the folder beside packages for what must not be in them


def write_public(made: Made, folder: Path, tell: Progress) -> None:
    """Write a release with a guarantee into an empty folder."""
    model = made.model
    assert isinstance(model, Private)  # the only generator whose noisy sums can be told
    tell("evaluating the public parts", 0.8)
    evaluation = evaluate_publicly(
        model.public,
        model.sums,
        model.model.n,
        made.synthetic.frame,
        simulated=made.cohort.about.simulated,
    )
    write_text(folder / PUBLIC_EVALUATION, evaluation.model_dump_json(indent=1) + "\n")
    paths = sums_paths(len(model.sums_files))
    for path, sums in zip(paths, model.sums_files, strict=True):
        write_sums(sums, folder / path)
    package = write_data(made, folder, evaluation.endpoints, guarantee_of(model.sums_files))
    data = all_data_paths(made.spec.name, len(made.replicates))
    listed = (*data, PUBLIC_EVALUATION, *paths, DICTIONARY_FILE, PACKAGE)
    provenance = bare_provenance(made, evaluation.endpoints, {path: folder / path for path in listed})
    # What the original's record declares, by which a reader can make the release again.
    params = provenance.generator.params
    if model.params.panels:
        params = params | {"panels": model.params.panels}
    generator = {"steps": stated_steps(made.cohort.about), "params": params}
    told = {"gates_passed": True, "generator": provenance.generator.model_copy(update=generator)}
    write_text(folder / PROVENANCE, provenance.model_copy(update=told).json_text())
    parts = guaranteed_parts(made.spec, evaluation, model.sums_files, made.gates.profile, made.d)
    write_documents(made, folder, parts)
    finish(made, folder, package, tell)


def write_internal(made: Made, folder: Path, package: Path, tell: Progress) -> None:
    """Write what was measured against the original into an empty folder that is not for publication.

    `package` is the folder of the release, as it was written.
    """
    from amlsynth.report import render_report

    write_evaluation(made.evaluation, folder / "evaluation.json")
    write_gates(made.gates, folder / "gates.json")
    write_carried(made.d, folder)
    assert isinstance(made.model, Private)
    guarantee = guarantee_of(made.model.sums_files)
    provenance = measured_provenance(made, folder, package).model_copy(update={"guarantee": guarantee})
    write_text(folder / PROVENANCE, provenance.json_text())
    notice = fill(
        "internal.md",
        title=made.spec.title,
        version=made.spec.version,
        stem=made.spec.stem,
        checksums=sha256(package / CHECKSUMS),
        endpoints=" and ".join(endpoints_in(made.evaluation)),
    )
    write_text(folder / "README.md", notice)
    write_text(folder / ".gitignore", "*\n")  # so that no repository takes it up by mistake
    tell("rendering the report", 0.85)
    render_report(folder, folder / REPORT_FILE, folder / REPORT_PDF, title=report_title(made.spec))
