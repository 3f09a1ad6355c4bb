"""A release with a guarantee: it is made of public parts alone, says so, and holds nothing else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.release.conftest import STEM, neither_evaluated_nor_drawn

import amlsynth
from amlsynth.cohort.cohort import About, Cohort, write_cohort
from amlsynth.cohort.tables import read_table
from amlsynth.evaluation import read_evaluation
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.generators.fitted import measure
from amlsynth.generators.private.ledger import Limit, Request, set_limit, spend
from amlsynth.generators.private.model import Fitted, PublicModel
from amlsynth.generators.private.sums import Sums, SumsFile, read_sums, write_sums
from amlsynth.release import ReleaseResult, build_release, verify_release
from amlsynth.release.changes import Step, changes
from amlsynth.release.checksums import Problem
from amlsynth.release.compare import difference
from amlsynth.release.doi import stamp_doi
from amlsynth.release.package import DataPackage, Provenance
from amlsynth.release.public.verification import public_problems, regenerated_problems
from amlsynth.release.released import read_released
from amlsynth.release.zenodo.plan import plan_publication
from amlsynth.site import build_site
from amlsynth.sources.reference import reference_cohort

ABOUT = About(
    name="own", title="Own", simulated=False, statement="Patients.", provenance={"file": "secret.xlsx"}
)
GENERATOR: dict[str, Any] = {
    "name": "private",
    "measurements": "own.sums.json",
    "params": {"pool": 4_000},
    "n": 90,
    "seed": 3,
}
# The clinical exports, which follow from the data alone, are built by the demo's test.
CHANGES: dict[str, Any] = {
    "cohort": {"source": "file", "path": "own.csv"},
    "generator": GENERATOR,
    "exports": [],
}
WriteSpec = Callable[..., Path]
Build = Callable[..., ReleaseResult]


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def original() -> Cohort:
    return Cohort(reference_cohort(n=330, seed=4).frame, "original", ABOUT)


@pytest.fixture(scope="module")
def sums(original: Cohort) -> SumsFile:
    """A noisy sum of the original's training part."""
    return measure(original, params=GENERATOR["params"], split_seed=2)[0]


@pytest.fixture(scope="module")
def others() -> SumsFile:
    """A noisy sum of another house's patients, with less noise."""
    cohort = Cohort(reference_cohort(n=200, seed=8).frame, "original", ABOUT)
    return measure(cohort, params=GENERATOR["params"] | {"epsilon": 5.0}, split_seed=2)[0]


_fits: dict[Any, Fitted] = {}


@contextmanager
def fitted_once() -> Iterator[None]:
    """Builds in this block fit to the same noisy sum once; who makes the data again fits anew."""
    fit = PublicModel.fit

    def once(model: PublicModel, sums: Sums, kappa: float) -> Fitted:
        key = (model.map.sha256, model.pool_size, sums.total.tobytes(), sums.sigma, kappa)
        if key not in _fits:
            _fits[key] = fit(model, sums, kappa)
        return _fits[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PublicModel, "fit", once)
        yield


@pytest.fixture(scope="module")
def build(
    original: Cohort, sums: SumsFile, others: SumsFile, built: ReleaseResult, write_spec: WriteSpec
) -> Build:
    """Build a release of an original, with a report of one line and the evaluation of another release.

    Of another mark it is fitted anew.
    """

    def run(
        folder: Path, frame: pd.DataFrame = original.frame, mark: int = 1, **changes: Any
    ) -> ReleaseResult:
        spec = write_spec(folder / "spec", **(CHANGES | changes))
        write_cohort(Cohort(frame, "original", ABOUT), spec.parent / "own.csv")
        write_sums(sums, spec.parent / "own.sums.json")
        write_sums(others, spec.parent / "others.sums.json")
        found = read_evaluation(built.folder / "evaluation.json").model_copy(
            update={"seed": mark, "original_is_simulated": False}
        )
        with neither_evaluated_nor_drawn(found), fitted_once() if mark == 1 else nullcontext():
            return build_release(spec, folder / "out")

    return run


@pytest.fixture(scope="module")
def public(build: Build, tmp_path_factory: pytest.TempPathFactory) -> ReleaseResult:
    """A release with a guarantee; do not change it in place."""
    return build(tmp_path_factory.mktemp("public"))


@pytest.fixture
def package(public: ReleaseResult, tmp_path: Path) -> Path:
    """A copy of its folder to tamper with."""
    return Path(shutil.copytree(public.folder, tmp_path / STEM))


def problems_of(folder: Path) -> list[Problem]:
    """What `verify` finds in a release, beside what it looks at in all releases."""
    described = DataPackage.model_validate_json((folder / "datapackage.json").read_bytes())
    made = Provenance.model_validate_json((folder / "provenance.json").read_bytes())
    frame = read_table(folder / "data" / "small-test.csv")
    return list(public_problems(folder, described, made, frame, amlsynth.dictionary()))


def test_it_holds_public_parts_and_the_rest_lies_beside_it(public: ReleaseResult) -> None:
    assert {path.name for path in public.folder.parent.iterdir()} == {STEM, f"{STEM}.zip", "internal"}
    names = set(tree(public.folder))
    assert {"PRIVACY.md", "EVALUATION.md", "public-evaluation.json", "measurements/sum-1.json"} <= names
    assert not {"evaluation.json", "gates.json", "report.html", "report.pdf"} & names
    assert public.internal == public.folder.parent / "internal" / STEM
    assert set(tree(public.internal)) == {
        "README.md", "evaluation.json", "gates.json", "report.html", "report.pdf", "provenance.json",
        "dictionary.yaml",
        ".gitignore",
    }  # fmt: skip
    assert verify_release(public.archive).problems == ()


def test_another_original_with_the_same_sums_gives_the_same_bytes(
    public: ReleaseResult, build: Build, tmp_path: Path
) -> None:
    """All of the package is a function of the noisy sum and public input, whatever was measured beside."""
    other = build(tmp_path, reference_cohort(n=280, seed=9).frame, mark=2)
    assert tree(other.folder) == tree(public.folder)
    assert other.archive.read_bytes() == public.archive.read_bytes()
    assert other.internal is not None and public.internal is not None
    assert tree(other.internal) != tree(public.internal)


def test_it_tells_no_count_and_no_hash_of_the_original(public: ReleaseResult) -> None:
    made = json.loads((public.folder / "provenance.json").read_text())
    assert made["cohort"] == {"name": "own", "title": "Own", "simulated": False}
    assert made["split"] == {"seed": 2, "holdout": 0.2, "n_train": None, "n_holdout": None}
    assert made["gates_passed"] is True and made["gate_profile"] == "easy"
    assert public.internal is not None
    told = json.loads((public.internal / "provenance.json").read_text())
    assert told["cohort"]["n"] == 330 and told["split"]["n_train"] + told["split"]["n_holdout"] == 330
    for name, content in tree(public.folder).items():
        assert b"secret.xlsx" not in content, name
    assert b"secret.xlsx" in (public.internal / "provenance.json").read_bytes()


def test_it_says_what_it_promises(public: ReleaseResult, sums: SumsFile) -> None:
    text = " ".join((public.folder / "PRIVACY.md").read_text(encoding="utf-8").split())
    assert "| epsilon | 3 |" in text and "| delta | 2.5e-07 |" in text
    assert f"epsilon {sums.privacy.replace_one.epsilon:.3g}, with the same delta" in text
    assert "a factor of 20.1 at most" in text  # exp(3)
    assert "is 95.3 % sure afterwards" in text  # exp(3) / (1 + exp(3))
    assert "finds at most 20.1 in a hundred" in text  # exp(3) / 100 + delta
    assert "one bit about the original" in text and "`easy`" in text
    described = json.loads((public.folder / "datapackage.json").read_text())
    assert described["guarantee"]["epsilon"] == 3.0 and "epsilon 3" in described["statement"]
    readme = (public.folder / "README.md").read_text(encoding="utf-8")
    assert "PRIVACY.md" in readme and "report.html" not in readme and "gates.json" not in readme
    assert "$" not in text + readme.replace("$dollar", "")


def test_it_loads_as_any_release_does(public: ReleaseResult) -> None:
    frame = amlsynth.load(public.archive)
    assert len(frame) == 90 and "differential privacy" in frame.attrs["statement"]


def test_the_released_numbers_stand_beside_their_noise(public: ReleaseResult, sums: SumsFile) -> None:
    found = json.loads((public.folder / "public-evaluation.json").read_text())
    noisy = [value for block in found["blocks"] for value in block["noisy"]]
    assert noisy == pytest.approx([value / 2**16 for value in sums.sum], abs=1e-4)
    assert found["noise"] == pytest.approx(sums.noise.scale / 2**16)
    assert found["patients"] == pytest.approx(264, abs=40)  # four fifths of 330
    assert found["synthetic"]["n"] == 90
    columns = {label for block in found["blocks"] for label in block["columns"]}
    assert {"NPM1", "NPM1, AGE", "OSTM+OSSTAT"} <= columns


def _json(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def _lower_epsilon(folder: Path) -> None:
    """Claim a smaller epsilon than the noise gives, in a file that is sealed anew."""
    path = folder / "measurements" / "sum-1.json"
    file = read_sums(path)
    write_sums(
        file.model_copy(update={"privacy": file.privacy.model_copy(update={"epsilon": 0.5})}).sealed(), path
    )


def _less_noise(folder: Path) -> None:
    path = folder / "measurements" / "sum-1.json"
    file = read_sums(path)
    write_sums(file.model_copy(update={"noise": file.noise.model_copy(update={"scale": 9.0})}).sealed(), path)


@pytest.mark.parametrize(
    ("file", "change", "problem"),
    [
        ("measurements/sum-1.json", _lower_epsilon, "its noise gives epsilon 3, and it states 0.5"),
        ("measurements/sum-1.json", _less_noise, "its noise gives rho"),
        (
            "datapackage.json",
            lambda f: _json(f / "datapackage.json", lambda c: c["guarantee"].update(epsilon=1.0)),
            "not that of the noisy sums",
        ),
        (
            "provenance.json",
            lambda f: _json(f / "provenance.json", lambda c: c["cohort"].update(n=330)),
            "must not: n$",
        ),
        (
            "provenance.json",
            lambda f: _json(f / "provenance.json", lambda c: c["split"].update(n_train=264)),
            "must not: n_train",
        ),
        (
            "provenance.json",
            lambda f: _json(f / "provenance.json", lambda c: c["generator"].update(name="nflow")),
            "'nflow', which has no guarantee",
        ),
        (
            "provenance.json",
            lambda f: _json(f / "provenance.json", lambda c: c.update(gates_passed=None)),
            "does not say that the gates were passed",
        ),
        (
            "public-evaluation.json",
            lambda f: _json(
                f / "public-evaluation.json", lambda c: c["synthetic"]["variables"][0].update(missing=7)
            ),
            "not that of the data",
        ),
        (
            "public-evaluation.json",
            lambda f: _json(
                f / "public-evaluation.json", lambda c: c["blocks"][1]["prior"].__setitem__(0, 3.0)
            ),
            "do not follow from the noisy sums",
        ),
        (
            "PRIVACY.md",
            lambda f: (f / "PRIVACY.md").write_text("Trust us."),
            "does not say what the spec, the sums",
        ),
    ],
)  # fmt: skip
def test_what_does_not_follow_is_found(
    package: Path, file: str, change: Callable[[Path], object], problem: str
) -> None:
    change(package)
    found = {p.file: p.message for p in reversed(problems_of(package))}
    assert file in found
    assert re.search(problem, found[file]), found


def test_the_data_follow_from_the_sums_alone(
    public: ReleaseResult, built: ReleaseResult, package: Path, reseal: Callable[[Path], None]
) -> None:
    assert verify_release(public.archive, regenerate=True).problems == ()
    _json(package / "provenance.json", lambda c: c["generator"].update(seed=99))
    reseal(package)
    described = DataPackage.model_validate_json((package / "datapackage.json").read_bytes())
    made = Provenance.model_validate_json((package / "provenance.json").read_bytes())
    frame = read_table(package / "data" / "small-test.csv")
    (problem,) = regenerated_problems(package, described, made, frame, amlsynth.dictionary())
    assert problem.message == "its patients are not those that the noisy sums give on this machine"
    elsewhere = made.model_copy(update={"kernels": ("Z80",)})
    (problem,) = regenerated_problems(package, described, elsewhere, frame, amlsynth.dictionary())
    assert "than where it was made (Z80); with OpenBLAS set OPENBLAS_CORETYPE=Z80" in problem.message
    with pytest.raises(UsageError, match="no noisy sums to make its data from"):
        verify_release(built.folder, regenerate=True)
    other = made.model_copy(update={"packages": made.packages | {"numpy": "0.1"}})
    with pytest.raises(UsageError, match=r"with the versions that made them \(numpy 0\.1\)"):
        next(regenerated_problems(package, described, other, frame, amlsynth.dictionary()))


def test_replicates_follow_from_the_sums_alone_and_spend_nothing(
    build: Build, public: ReleaseResult, tmp_path: Path
) -> None:
    made = build(tmp_path, generator=GENERATOR | {"replicates": 2, "replicate_n": 60})
    assert verify_release(made.folder, regenerate=True).problems == ()
    assert made.guarantee == public.guarantee
    for ending in ("csv", "parquet"):  # the cohort is the same
        path = f"data/small-test.{ending}"
        assert (made.folder / path).read_bytes() == (public.folder / path).read_bytes()
    one, two = amlsynth.load(made.folder, replicates=True)
    assert len(one) == len(two) == 60 and not one.equals(two)


def test_files_that_do_not_belong_are_refused(
    public: ReleaseResult, package: Path, reseal: Callable[[Path], None]
) -> None:
    assert public.internal is not None
    for name in ("evaluation.json", "report.html", "report.pdf"):
        shutil.copy(public.internal / name, package / name)
    reseal(package)
    report = verify_release(package)
    assert {(p.file, p.check) for p in report.problems if p.check == "extra"} == {
        ("evaluation.json", "extra"), ("report.html", "extra"), ("report.pdf", "extra"),
    }  # fmt: skip


def test_a_doi_is_written_into_it(package: Path) -> None:
    stamp_doi(package, "10.5281/zenodo.1234567")
    assert "zenodo.1234567" in (package / "README.md").read_text() + (package / "CITATION.cff").read_text()
    assert problems_of(package) == []


def test_what_is_published_is_the_package(public: ReleaseResult) -> None:
    files = {request.file for request in plan_publication(public.folder) if request.file}
    assert {"PRIVACY.md", "public-evaluation.json"} <= files
    assert not {"evaluation.json", "gates.json", "report.html", "report.pdf"} & files


def test_a_site_shows_the_guarantee(public: ReleaseResult, tmp_path: Path) -> None:
    build_site([public.archive], tmp_path / "site")
    page = (tmp_path / "site" / "small-test" / "index.html").read_text(encoding="utf-8")
    assert "1.2.3/PRIVACY.md" in page and "report.html" not in page
    assert "exact figures of the original would break the guarantee" in page
    assert not [path for path in (tmp_path / "site").rglob("*") if path.name in ("gates.json", "report.html")]


def test_failed_gates_leave_their_figures_in_the_house(build: Build, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"internal.*\.gates\.json"):
        build(tmp_path, gates={"profile": "hard", "file": "gates.yaml"})
    assert set(tree(tmp_path / "out")) == {f"internal/{STEM}.gates.json"}


def test_the_next_version_tells_nothing_of_the_original(
    public: ReleaseResult,
    built: ReleaseResult,
    build: Build,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("amlsynth.release.build.read_verified", read_released)  # they are in order
    shutil.copytree(public.folder, tmp_path / "old")
    newer = build(tmp_path, version="1.3.0", previous="../old", generator=GENERATOR | {"seed": 4})
    log = (newer.folder / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "that of the generator is 4, was 3" in log and "not told" not in log
    assert difference(read_released(public.folder), read_released(newer.folder)).least_version == "1.3.0"
    shutil.copytree(built.folder, tmp_path / "measured")
    with pytest.raises(UsageError, match="would tell exact figures of the original"):
        build(tmp_path / "b", version="1.3.0", previous="../../measured")


def test_a_guarantee_that_comes_or_goes_is_a_change(public: ReleaseResult, built: ReleaseResult) -> None:
    measured, guaranteed = read_released(built.folder), read_released(public.folder)
    for old, new, step, text in (
        (measured, guaranteed, Step.MINOR, "epsilon 3, delta 2.5e-07, was none"),
        (guaranteed, measured, Step.MAJOR, "none, was epsilon 3, delta 2.5e-07"),
    ):
        (found,) = (change for change in changes(old, new) if change.area == "guarantee")
        assert (found.step, found.text) == (step, text)


def test_what_cannot_be_released_with_a_guarantee(
    build: Build, original: Cohort, sums: SumsFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMLSYNTH_STATE", str(tmp_path / "state"))
    for changed, problem in (
        ({"generator": GENERATOR | {"measurements": "none.json"}}, r"none\.json: cannot be read"),
        ({"generator": {"name": "private", "n": 9, "seed": 1}}, "Draw it with `amlsynth measure"),
        ({"generator": GENERATOR | {"name": "event-history", "params": {}}}, "takes no measurements"),
        (
            {"generator": {"name": "event-history", "seed": 1}},
            "the key 'n', .* is missing",
        ),
        ({"split": {"seed": 3}}, "the hold-out would not be held out"),
    ):
        with pytest.raises(UsageError, match=problem):
            build(tmp_path, **changed)
        assert not (tmp_path / "out").exists()
    # Two sums of the same patients, as the ledger beside their file tells.
    two = [drawn.sealed() for drawn in (sums, sums.model_copy(update={"id": "0" * 32}))]
    cohort = tmp_path / "two" / "spec" / "own.csv"
    cohort.parent.mkdir(parents=True)
    for number, drawn in enumerate(two):
        write_sums(drawn, cohort.with_name(f"{number}.json"))
        request = Request(
            patients=f"{number}", dictionary="d", feature_map="m", epsilon=3.0, delta=1e-6, patients_at_most=9
        )
        set_limit(cohort, original.frame, Limit.of(9.0, 1e-6))
        spend(cohort, original.frame, request, 3, lambda drawn=drawn: drawn)
    with pytest.raises(DataError, match=r"0\.json and 1\.json are noisy sums of the same patients"):
        build(tmp_path / "two", generator=GENERATOR | {"measurements": ["0.json", "1.json"]})
    (tmp_path / "out" / "internal" / STEM).mkdir(parents=True)
    (tmp_path / "out" / "internal" / STEM / "thesis.docx").write_text("years of work")
    with pytest.raises(UsageError, match="holds no evaluation of a release"):
        build(tmp_path)
    assert set(tree(tmp_path / "out")) == {f"internal/{STEM}/thesis.docx"}


def test_several_houses_and_the_number_of_patients_that_their_sums_let_expect(
    build: Build, tmp_path: Path
) -> None:
    spec = GENERATOR | {"measurements": ["own.sums.json", "others.sums.json"]}
    made = build(tmp_path, generator={key: value for key, value in spec.items() if key != "n"})
    assert made.patients == pytest.approx(0.8 * 530, abs=50)
    told = json.loads((made.folder / "provenance.json").read_text())
    assert told["generator"]["n"] == made.patients
    described = DataPackage.model_validate_json((made.folder / "datapackage.json").read_bytes())
    assert set(tree(made.folder)) == described.files
    # Each patient is in one of the sums, so that the weakest guarantee is that of the release.
    assert described.guarantee is not None
    assert (described.guarantee.sums, described.guarantee.epsilon) == (2, 5.0)
    text = (made.folder / "PRIVACY.md").read_text(encoding="utf-8")
    assert "| epsilon | 5 |" in text and "Nobody is in two of them" in text
    assert verify_release(made.folder).problems == ()
