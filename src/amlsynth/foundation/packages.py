"""Which package an error came from, what is wrong with it, and the pip line that mends it.

A package can be missing, damaged, or of a version that does not go with another's (pyarrow 26 beside numpy
1.26, which pip does not notice). Python then tells of some module deep inside; the user needs the package
and its version, and the extras of amlsynth that bring it, which are read from the installed metadata.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from types import FrameType

_OWN = "amlsynth"
# Packages that are imported by another name than their own.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "dateutil": "python-dateutil",
    "pypandoc": "pypandoc-binary",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
_LIMITS = ("<", "<=", "==", "===", "~=")
_LONGEST = 200  # characters that are shown of another package's error


@dataclass(frozen=True)
class PackageProblem:
    """A package that cannot be imported, or does not work once it is.

    package : its name for pip; of a module that belongs to no package, the module's name.
    detail : what Python said, one line.
    version : the installed version, if it is known.
    missing : it is not installed.
    needed_by : the package that wanted it, when amlsynth did not itself.
    beside : another package that is installed, which the error speaks of, with its version.
    """

    package: str
    detail: str
    version: str | None = None
    missing: bool = False
    needed_by: str | None = None
    beside: tuple[str, str] | None = None

    def sentence(self, purpose: str = _OWN, extra: str | None = None) -> str:
        """Return what is wrong and the pip line against it.

        purpose : what needs the package, as the subject of a sentence, such as "Rendering the report".
        extra : the extra of amlsynth that should bring it, where the caller knows.
        """
        if self.missing:
            through = f" (for {self.needed_by})" if self.needed_by else ""
            return (
                f"{purpose} needs the package {self.package!r}{through}, which is not installed. "
                f"Install it with: {_install(self.package, extra)}"
            )
        beside = " beside {} {}".format(*self.beside) if self.beside else ""
        broken = f"which is here and does not work{beside} ({self.detail})."
        if self.version is None and extras_for(self.package, extra) is None:
            return f"{purpose} needs the module {self.package!r}, {broken} Mend it, or tell who wrote it."
        version = f" {self.version}" if self.version else ""
        remove = " ".join([self.package, self.beside[0]] if self.beside else [self.package])
        return (
            f"{purpose} needs the package {self.package}{version}, {broken} It is damaged, or its version "
            f"does not go with those of other packages. Mend it with: pip uninstall -y {remove} && "
            f"{_install(self.package, extra)}"
        )


def package_problem(error: BaseException, wanted: str | None = None) -> PackageProblem | None:
    """Return the package that an error came from, or None when the error is not one of importing.

    An ImportError counts wherever it was raised, another error only when it left the top level of a package's
    module, that is, while the package was imported.

    Parameters
    ----------
    error : the error, with its traceback.
    wanted : the dotted name of the module that was to be imported, if known: the package is looked for there
        when neither the error nor its traceback names one.
    """
    if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
        return None
    error = _first(error)
    frames = list(_foreign_frames(error))
    # Who was being imported last, and not some numpy.__getattr__ that it called.
    importing = [frame for frame in frames if frame.f_code.co_name == "<module>"]
    if not importing and wanted is None and not isinstance(error, ImportError):
        return None
    frames = importing or frames
    importer = _top(str(frames[-1].f_globals["__name__"])) if frames else None
    named = _top(error.name) if isinstance(error, ImportError) and error.name else None
    if named == _OWN:
        return None
    if isinstance(error, ModuleNotFoundError) and named and not _is_there(named):
        if named not in sys.stdlib_module_names:
            by = _distribution(importer) if importer and importer != named else None
            return PackageProblem(_distribution(named), _detail(error), missing=True, needed_by=by)
        named = None  # Python was built without it: what wanted it does not work
    module = importer or named or (_top(wanted) if wanted else None)
    if module is None:
        return None
    package = _distribution(module)
    other = _distribution(named) if named and named != module else None
    version = _version(other) if other else None
    beside = (other, version) if other and version else None
    return PackageProblem(package, _detail(error), _version(package), beside=beside)


def extras_for(package: str, extra: str | None = None) -> tuple[str, ...] | None:
    """Return the extras that a pip line must name, so that a package comes in a version that fits.

    These are the extras that are installed here as a whole and limit its version, themselves or through a
    package that they need; and `extra`, or, when that is not given and the core does not need the package,
    the first extra that does. () stands for the core alone, None for a package that amlsynth does not need.
    """
    package = _canonical(package)
    needs = {name: _needs(_OWN, name) for name in _extras()}
    closures = {name: _closure(direct) for name, direct in needs.items()}
    complete = [name for name, direct in needs.items() if all(map(_version, direct.keys() - {package}))]
    chosen = {name for name in complete if closures[name].get(package)} | ({extra} if extra else set())
    in_core = package in _closure(_needs(_OWN, None))
    if not extra and not in_core:
        # Of the extras that bring it, one that is installed, or else one that names it.
        bringing = [name for name in complete if package in closures[name]]
        bringing += [name for name, direct in needs.items() if package in direct]
        chosen |= set(bringing[:1])
    return tuple(sorted(chosen)) if chosen or in_core else None


def _install(package: str, extra: str | None) -> str:
    """Return the pip line that installs a package together with what limits its version."""
    extras = extras_for(package, extra)
    if extras is None:
        return f"pip install {package}"
    return f"pip install '{_OWN}[{','.join(extras)}]'" if extras else f"pip install {_OWN}"


def clone_install(extras: Iterable[str], version: str) -> str:
    """Return the line that installs a version of amlsynth with these extras, which no package index has yet.

    Examples
    --------
    >>> clone_install(["report", "generate"], "0.1.0")
    "pip install '.[generate,report]'  # in a clone of amlsynth 0.1.0"
    """
    return f"pip install '.[{','.join(sorted(extras))}]'  # in a clone of {_OWN} {version}"


def _first(error: BaseException) -> BaseException:
    """Return the error of importing that a package answered with one of its own, which names no module."""
    while isinstance(error, ImportError) and error.name is None:
        before = error.__cause__ or error.__context__
        if not isinstance(before, ImportError):
            break
        error = before
    return error


def _foreign_frames(error: BaseException) -> Iterator[FrameType]:
    """Yield the frames of a traceback in packages that are neither Python's nor ours, the outermost first."""
    trace = error.__traceback__
    while trace is not None:
        name = _top(str(trace.tb_frame.f_globals.get("__name__", "")))
        # Python's import machinery calls itself _frozen_importlib or importlib._bootstrap.
        if name and name not in {_OWN, "__main__", "_frozen_importlib"} | sys.stdlib_module_names:
            yield trace.tb_frame
        trace = trace.tb_next


def _top(module: str) -> str:
    return module.partition(".")[0]


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _detail(error: BaseException) -> str:
    """Return kind and first line of an error of importing, without the path that Python adds to some."""
    text = next(iter(str(error).strip().splitlines()), "")
    text = re.sub(r" \((/|\w:\\)[^()]*\)$|\.$", "", text)
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + " ..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _distribution(module: str) -> str:
    """Return pip's name of the package that a top-level module belongs to, or else the module's."""
    name = _DISTRIBUTIONS.get(module, module)
    if _version(name) is None:  # reading every package's files takes seconds
        return next(iter(metadata.packages_distributions().get(module, [name])))
    return str(metadata.metadata(name)["Name"])


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _extras() -> list[str]:
    try:
        named = metadata.metadata(_OWN).get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        return []
    return [extra for extra in named if extra != "dev"]  # which is the sum of the others and our tools


@cache
def _needs(package: str, extra: str | None) -> Mapping[str, bool]:
    """Return what a package needs itself, and whether it limits the version from above.

    With `extra` only what the extra adds, else what it needs without extras.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        lines = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return {}
    needs: dict[str, bool] = {}
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # of an old package
        marker = requirement.marker
        always = marker is None or marker.evaluate({"extra": ""})
        with_extra = always or (
            extra is not None and marker is not None and marker.evaluate({"extra": extra})
        )
        if always == (extra is None) and with_extra:
            name = _canonical(requirement.name)
            limited = any(limit.operator in _LIMITS for limit in requirement.specifier)
            needs[name] = needs.get(name, False) or limited
    return needs


def _closure(packages: Mapping[str, bool]) -> dict[str, bool]:
    """Return packages and all that they need, as far as known here, each with whether it is limited."""
    closure: dict[str, bool] = {}
    left = [packages]
    while left:
        for package, limited in left.pop().items():
            if package not in closure:
                left.append(_needs(package, None))
            closure[package] = closure.get(package, False) or limited
    return closure


def _canonical(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()
