"""What changed between two releases, and whether the version says so: `release diff`, and the changelog."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.release.changes import Change, Step, changes
from amlsynth.release.released import Released, read_verified
from amlsynth.release.versions import Version

_SHOWN = 12  # changes of one area that are written out; JSON has all


@dataclass(frozen=True)
class ReleaseDiff:
    """The comparison of a release with an older one.

    name : of the data set.
    old, new : the versions.
    changes : what changed; empty when nothing did but version and date.
    """

    name: str
    old: Version
    new: Version
    changes: tuple[Change, ...]

    @property
    def least_step(self) -> Step:
        """The step that the changes ask for at least; a new version is a patch in any case."""
        return max((change.step for change in self.changes), default=Step.PATCH)

    @property
    def least_version(self) -> str:
        """The smallest version that makes this step from the old one.

        Before 1.0.0 anything may change with a minor step (section 4 of semver.org).
        """
        major, minor, patch = self.old.core
        if self.old.is_prerelease:  # its release is still to come, with whatever changes
            return f"{major}.{minor}.{patch}"
        step = min(self.least_step, Step.MINOR) if major == 0 else self.least_step
        if step is Step.MAJOR:
            return f"{major + 1}.0.0"
        return f"{major}.{minor + 1}.0" if step is Step.MINOR else f"{major}.{minor}.{patch + 1}"

    @property
    def is_satisfied(self) -> bool:
        """Whether the new version is newer by the least step or more."""
        return self.old < self.new and self.new.core >= Version(self.least_version).core

    def raise_if_unsatisfied(self) -> None:
        """Raise a DataError that says which version the changes ask for, and why."""
        if self.is_satisfied:
            return
        least = [change for change in self.changes if change.step is self.least_step]
        why = "; ".join(f"{change.area}: {change.text}" for change in least[:3])
        more = f" and {len(least) - 3} more" if len(least) > 3 else ""
        raise DataError(
            f"{self.name} {self.new}: wrong version step. After {self.old} the changes ask for a "
            f"{self.least_step.name.lower()} step, so for {self.least_version} or later"
            f"{f' ({why}{more})' if why else ''}. Correct the version in the spec and build again."
        )

    def sentences(self) -> list[str]:
        """Return the comparison in words, one line each."""
        lines = [f"{self.name}: {self.old} to {self.new}"]
        for area, found in _by_area(self.changes).items():
            lines.append(f"{area}:")
            lines += [f"  {change.text} [{change.step.name.lower()}]" for change in found[:_SHOWN]]
            lines += [f"  {text}" for text in _rest(found)]
        if not self.changes:
            lines.append("Nothing changed but version and date.")
        verdict = "does" if self.is_satisfied else "does not"
        lines.append(
            f"Least step: {self.least_step.name.lower()}, so {self.least_version} or later; {self.new} "
            f"{verdict} satisfy it."
        )
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "name": self.name,
            "old": str(self.old),
            "new": str(self.new),
            "least_step": self.least_step.name.lower(),
            "least_version": self.least_version,
            "satisfied": self.is_satisfied,
            "changes": [
                {"area": change.area, "step": change.step.name.lower(), "text": change.text}
                for change in self.changes
            ],
        }


def compare_releases(old: Path, new: Path, d: Dictionary | None = None) -> ReleaseDiff:
    """Compare two releases of a data set, each a folder or a zip; both are verified first.

    With a dictionary `d`, both have to follow it; without it each the one that it carries.

    Raises
    ------
    UsageError
        One of them is not there, or they are of two data sets.
    DataError
        One of them is not in order.

    Examples
    --------
    >>> compare_releases(release, release).changes
    ()
    """
    return difference(read_verified(old, d), read_verified(new, d))


def difference(old: Released, new: Released) -> ReleaseDiff:
    """Compare two releases that were read; errors as of `compare_releases`."""
    if old.name != new.name:
        raise UsageError(
            f"{old.name} and {new.name} are two data sets; compare two versions of one. A data set "
            "that gets another name is a new data set, and begins with a version of its own."
        )
    try:
        found = tuple(changes(old, new))
    except (AttributeError, KeyError, TypeError, ValueError):  # of a Table Schema of any other making
        raise DataError(
            f"{old.name} {old.version} and {new.version} cannot be compared: a Table Schema in one of them "
            "is not as amlsynth writes it. Build the releases with amlsynth."
        ) from None
    return ReleaseDiff(old.name, old.version, new.version, found)


def changelog_entry(diff: ReleaseDiff, old: Released) -> str:
    """Return what follows a release's own changes in its CHANGELOG.md: the comparison, the older entries."""
    lines = [f"\n### Compared with {diff.old}", ""]
    for area, found in _by_area(diff.changes).items():
        texts = [change.text for change in found[:_SHOWN]] + _rest(found)
        lines += [f"- {area}: {texts[0]}"] if len(texts) == 1 else [f"- {area}:"]
        lines += [f"  - {text}" for text in texts if len(texts) > 1]
    if not diff.changes:
        lines.append("- Nothing changed but version and date.")
    lines += ["", f"A {diff.least_step.name.lower()} step at least, by the rules above."]
    return "\n".join(lines) + "\n" + (f"\n{old.changelog.strip()}\n" if old.changelog.strip() else "")


def _by_area(found: tuple[Change, ...]) -> dict[str, list[Change]]:
    areas: dict[str, list[Change]] = {}
    for change in found:
        areas.setdefault(change.area, []).append(change)
    return areas


def _rest(found: list[Change]) -> list[str]:
    return [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
