"""Which package an error came from, what is wrong with it, and the pip line that mends it.

A package can be missing, damaged, or of a version that does not go with another's (pyarrow 26 beside numpy
1.26, which pip does not notice). Python then tells of some module deep inside; the user needs the package
and its version, and the extras of amlsynth that bring it, which are read from the installed metadata.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
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
        if self.version is None and extra is None and not _is_ours(self.package):
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


def extras_of(package: str) -> tuple[str, ...]:
    """Return the extras of amlsynth, installed as a whole here, that bring a package or one that needs it.

    Where no such extra is complete, the first that names the package itself; () when none does, or when
    amlsynth is not installed.
    """
    package = _canonical(package)
    direct = {extra: _needs(_OWN, extra) for extra in _extras()}
    complete = tuple(
        extra
        for extra, needs in direct.items()
        if package in _closure(needs) and all(_version(name) for name in needs - {package})
    )
    return complete or tuple(extra for extra, needs in direct.items() if package in needs)[:1]


def _install(package: str, extra: str | None) -> str:
    """Return the pip line that installs a package together with what limits its version."""
    extras = sorted({*extras_of(package), *([extra] if extra else [])})
    if extras:
        return f"pip install '{_OWN}[{','.join(extras)}]'"
    return f"pip install {_OWN if _is_ours(package) else package}"


def _is_ours(package: str) -> bool:
    """Whether amlsynth needs a package, itself or through others, with an extra or without."""
    return bool(extras_of(package)) or _canonical(package) in _closure(_needs(_OWN, None))


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
def _needs(package: str, extra: str | None) -> frozenset[str]:
    """Return what a package needs itself: for an extra only what the extra adds, else without extras."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        lines = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return frozenset()
    found = set()
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # of an old package
        marker = requirement.marker
        always = marker is None or marker.evaluate({"extra": ""})
        if (
            always
            if extra is None
            else not always and marker is not None and marker.evaluate({"extra": extra})
        ):
            found.add(_canonical(requirement.name))
    return frozenset(found)


def _closure(packages: frozenset[str]) -> set[str]:
    """Return the packages and all that they need, as far as they are installed."""
    found: set[str] = set()
    left = set(packages)
    while left:
        package = left.pop()
        found.add(package)
        left |= _needs(package, None) - found
    return found


def _canonical(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()
