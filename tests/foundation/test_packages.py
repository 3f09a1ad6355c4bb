"""Whatever is wrong with a package, the sentence names it, its version, and the pip line that mends it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from amlsynth.cohort.tables import write_table
from amlsynth.foundation.errors import MissingExtraError, require_extra
from amlsynth.foundation.packages import extras_for, package_problem
from amlsynth.sources.reference import reference_cohort

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a package of one module, version 99.1, before all that are installed; return the folder."""
    folder = tmp_path / "site"

    def put(
        module: str,
        code: str,
        package: str | None = None,
        needs: Sequence[str] = (),
        extras: Sequence[str] = (),
    ) -> Path:
        (folder / module).mkdir(parents=True)
        (folder / module / "__init__.py").write_text(code)
        name = package or module
        info = folder / f"{name.replace('-', '_')}-99.1.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 99.1"]
        lines += [f"Provides-Extra: {extra}" for extra in extras] + [
            f"Requires-Dist: {need}" for need in needs
        ]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        (info / "top_level.txt").write_text(f"{module}\n")
        monkeypatch.syspath_prepend(folder)
        for loaded in [name for name in sys.modules if name.partition(".")[0] == module]:
            monkeypatch.delitem(sys.modules, loaded)
        return folder

    return put


def _problem(module: str) -> str:
    with pytest.raises(Exception) as caught:
        import_module(module)
    problem = package_problem(caught.value, module)
    assert problem is not None
    return problem.sentence()


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("import numpy._no_such_part", "No module named 'numpy._no_such_part'"),
        ("from numpy import no_such_name", "cannot import name 'no_such_name' from 'numpy'"),
        ("import numpy\nnumpy.no_such_name", "module 'numpy' has no attribute 'no_such_name'"),
        ("raise ImportError('numpy.core.multiarray failed to import')", "numpy.core.multiarray failed to"),
        ("raise OSError('libgomp.so: cannot open shared object file')", "libgomp.so: cannot open"),
        ("raise ValueError('numpy.dtype size changed')", "ValueError: numpy.dtype size changed"),
    ],
)
def test_a_package_that_fails_while_it_is_imported_is_named(install: Install, code: str, detail: str) -> None:
    install("some_package", code, "Some-Package")
    sentence = _problem("some_package")
    assert "needs the package Some-Package 99.1, which is here and does not work" in sentence
    assert detail in sentence and "\n" not in sentence
    with pytest.raises(MissingExtraError) as caught:
        require_extra("report", "some_package", "Rendering the report")
    assert str(caught.value).startswith(
        "Rendering the report needs the package Some-Package 99.1, which is here"
    )
    assert re.search(
        r"pip uninstall -y Some-Package( numpy)? && pip install 'amlsynth\[report\]'$", str(caught.value)
    )


def test_code_that_this_python_cannot_read_is_the_packages_problem(install: Install) -> None:
    install("some_package", "def")
    with pytest.raises(MissingExtraError, match=r"the package some_package 99.1, which .* \(SyntaxError"):
        require_extra("report", "some_package", "Rendering the report")


def test_the_other_package_of_a_conflict_is_named_and_renewed_too(install: Install) -> None:
    import numpy as np

    install("some_package", "import numpy._no_such_part")
    sentence = _problem("some_package")
    assert f"does not work beside numpy {np.__version__} (" in sentence
    assert "pip uninstall -y some_package numpy && pip install" in sentence


def test_a_package_that_another_misses_is_the_missing_one(install: Install) -> None:
    install("some_package", "import no_such_dependency_xyz")
    sentence = _problem("some_package")
    assert "needs the package 'no_such_dependency_xyz' (for some_package), which is not installed" in sentence
    assert sentence.endswith("pip install no_such_dependency_xyz")


def test_what_a_package_says_of_another_is_traced_to_the_other(install: Install) -> None:
    asks = "try:\n    import inner_package\nexcept ImportError:\n    raise ImportError('please install it')"
    install("outer_package", asks)
    install("inner_package", "import no_such_dependency_xyz")
    assert "the package 'no_such_dependency_xyz' (for inner_package)" in _problem("outer_package")


def test_the_innermost_package_is_the_broken_one(install: Install) -> None:
    install("outer_package", "import inner_package")
    install("inner_package", "import numpy\nnumpy.gone")
    assert "needs the package inner_package 99.1, which" in _problem("outer_package")


def test_a_module_that_belongs_to_no_package_is_not_for_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_plugin.py").write_text("import numpy\nnumpy.gone")
    monkeypatch.syspath_prepend(tmp_path)
    sentence = _problem("my_plugin")
    assert "needs the module 'my_plugin'" in sentence and "pip" not in sentence


def test_a_part_of_python_that_was_not_built_is_the_importers_problem(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "_lzma", None)
    install("some_package", "import _lzma")
    assert "the package some_package 99.1, which is here and does not work (ModuleNotFoundError" in _problem(
        "some_package"
    )


def test_errors_of_other_kinds_are_none_of_packages() -> None:
    for wrong in (
        lambda: 1 / 0,
        lambda: Path("/nowhere").read_text(),
        lambda: import_module("amlsynth.no_such"),
    ):
        with pytest.raises(Exception) as caught:
            wrong()
        assert package_problem(caught.value) is None
    with pytest.raises(ValueError) as caught:  # inside a package, but not while it is imported
        pd.to_numeric("patient 17")
    assert package_problem(caught.value) is None


def test_the_pip_line_names_the_extras_that_bring_and_limit_a_package(install: Install) -> None:
    assert extras_for("zuko") == ("neural",)
    assert extras_for("joblib") == ("generate",), "which scikit-learn brings"
    assert extras_for("platformdirs") == (), "which the core needs"
    assert extras_for("no-such-package") is None
    assert extras_for("matplotlib", "report") == ("report",), "which lifelines needs too, in any version"
    assert set(extras_for("pandas") or ()) >= {"generate"}, "since lifelines has an upper limit"


def test_an_extra_that_is_installed_and_limits_a_package_is_in_the_pip_line(install: Install) -> None:
    needs = (
        "packaging>=23",
        "torch; extra == 'fast'",
        "old-thing; extra == 'old'",
        "absent; extra == 'other'",
    )
    install(
        "amlsynth_double", "", needs=(*needs, "torch<1; extra == 'other'"), extras=("fast", "old", "other")
    )
    install("old_thing", "", "old-thing", needs=("torch<2.3",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("amlsynth.foundation.packages._OWN", "amlsynth_double")
        assert extras_for("torch") == ("fast", "old")
        assert extras_for("torch", "fast") == ("fast", "old")
        assert extras_for("packaging") == ()


@pytest.mark.parametrize(
    ("command", "module", "code", "parts"),
    [
        # pyarrow belongs to the core; this is what pyarrow 26 beside numpy 1.26 comes down to.
        ("validate c.csv", "pyarrow", "raise ImportError('numpy.core.multiarray failed')", ("pyarrow 99.1",)),
        ("cohort reference --out r.csv", "scipy", "import numpy\nnumpy.gone", ("scipy 99.1", "generate")),
        (
            "tune --cohort c.csv --trials 2 --out t.yaml",
            "optuna",
            "import no_xyz",
            ("'no_xyz' (for optuna)",),
        ),
    ],
)
def test_the_command_line_names_a_broken_package(
    install: Install, tmp_path: Path, command: str, module: str, code: str, parts: tuple[str, ...]
) -> None:
    write_table(reference_cohort(n=120, seed=1).frame, tmp_path / "c.csv")
    site = install(module, code)
    start = f"import sys; sys.path.insert(0, {str(site)!r}); from amlsynth.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", start, *command.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2, result.stderr
    assert "unexpected" not in result.stderr and "Traceback" not in result.stderr
    for part in (*parts, "pip install "):
        assert part in result.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"c.csv", "c.csv.about.json", "site"}
