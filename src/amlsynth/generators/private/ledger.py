"""The ledger of the privacy budget, kept beside the original cohort: FILE.budget.json.

Every noisy sum of a cohort's patients is written here before it is used, with what it cost; costs add up as
zCDP does (Bun and Steinke, TCC 2016). A request that was made before gets the sum that was drawn for it, at
no cost. One that would go over the steward's limit is refused. A crash before the sum is written has released
nothing; after it the same request finds the sum.

A copy of each ledger is kept in the state folder of the user (AMLSYNTH_STATE names another), by the hash of
the cohort's content: so a ledger that was lost, edited or put beside another cohort is noticed on this
machine, and can be restored. Whoever holds the original can always measure it without this tool; the ledger
keeps account for the honest.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from amlsynth.foundation.errors import DataError, UsageError
from amlsynth.foundation.files import write_text
from amlsynth.generators.private.mechanism import DEFAULT_EPSILON, MAX_DELTA, Budget, epsilon_of, mechanism
from amlsynth.generators.private.sums import SumsFile

__all__ = ["DEFAULT_EPSILON", "MAX_DELTA", "Ledger", "Limit", "Request", "read_ledger", "set_limit", "spend"]

_ROUNDING = 1e-9  # relative; a sum that costs the whole limit is within it


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Limit(_Part):
    """What the steward allows in all."""

    epsilon: Annotated[float, Field(gt=0)]
    delta: Annotated[float, Field(gt=0, lt=1)]

    @classmethod
    def of(cls, epsilon: float, delta: float) -> Limit:
        """Return a limit, or refuse with a sentence what is none (UsageError)."""
        budget = Budget(epsilon, delta)
        return cls(epsilon=budget.epsilon, delta=budget.delta)


class Request(_Part):
    """What a sum was asked for; the same request gets the same sum.

    `patients` says which: "all", or the training part of a split by its seed and share.
    """

    patients: str
    dictionary: str
    feature_map: str
    epsilon: float
    delta: float
    patients_at_most: int


class Entry(_Part):
    """One sum that was drawn, of the cohort with this hash."""

    when: str
    cohort: str
    request: Request
    rho: Annotated[float, Field(gt=0)]
    sums: SumsFile


class Ledger(_Part):
    """The content of a ledger; `previous` is the seal of the version before, `seal` the hash of this one."""

    what: Literal["amlsynth: privacy budget of a cohort"] = "amlsynth: privacy budget of a cohort"
    format: Literal[1] = 1
    cohort: str
    limit: Limit
    entries: tuple[Entry, ...] = ()
    previous: str = ""
    seal: str = ""

    @property
    def rho(self) -> float:
        """What was spent, in zCDP."""
        return sum(entry.rho for entry in self.entries)

    @property
    def epsilon(self) -> float:
        """What was spent, as epsilon at the limit's delta."""
        return epsilon_of(self.rho, self.limit.delta)

    def digest(self) -> str:
        """Return the hash of everything but the seal."""
        content = self.model_dump(mode="json", exclude={"seal"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def changed(self, **changes: Any) -> Ledger:
        """Return the next version, sealed."""
        following = self.model_copy(update={**changes, "previous": self.seal, "seal": ""})
        return following.model_copy(update={"seal": following.digest()})


def ledger_path(cohort_file: Path) -> Path:
    """Return where the ledger of a cohort's file is."""
    return cohort_file.with_name(cohort_file.name + ".budget.json")


def cohort_hash(frame: pd.DataFrame) -> str:
    """Return the hash of a cohort's content: the same in CSV and Parquet, and in any order of patients."""
    rows = sorted(frame.to_csv(index=False, header=False).splitlines())
    return hashlib.sha256("\n".join([",".join(frame.columns), *rows]).encode()).hexdigest()


def read_ledger(cohort_file: Path, frame: pd.DataFrame) -> Ledger | None:
    """Return the ledger of a cohort; None where nothing was ever spent or allowed.

    Raises
    ------
    DataError
        It is missing although there was one, was edited, is an older version, or is of another cohort.
    """
    path, content = ledger_path(cohort_file), cohort_hash(frame)
    copy = _read_file(_copy_path(content)) if _copy_path(content).exists() else None
    if not path.exists():
        if copy is not None:
            raise DataError(
                f"{path}: the ledger of this cohort is missing; {len(copy.entries)} sums were drawn of its "
                f"patients, epsilon {copy.epsilon:.3g} in all. Put it back, or restore it with "
                f"`amlsynth budget {cohort_file} --restore`."
            )
        return None
    ledger = _read_file(path)
    if ledger.seal != ledger.digest():
        raise DataError(
            f"{path}: the ledger was edited by hand or damaged (its seal does not fit). Put the original "
            f"back, or restore it with `amlsynth budget {cohort_file} --restore`."
        )
    if ledger.cohort != content:
        raise DataError(
            f"{path}: the ledger is of another cohort than {cohort_file.name}, or the table was changed. If "
            f"these are the same patients, keep what they have spent: `amlsynth budget {cohort_file} "
            "--adopt`."
        )
    # The copy is written after the ledger, so a crash between the two leaves it one version behind.
    if copy is not None and copy.seal not in (ledger.seal, ledger.previous):
        raise DataError(
            f"{path}: this is not the last version of the ledger; the last has {len(copy.entries)} sums. Put "
            f"it back, or restore it with `amlsynth budget {cohort_file} --restore`."
        )
    return ledger


def spend(
    cohort_file: Path,
    frame: pd.DataFrame,
    request: Request,
    size: int,
    draw: Callable[[], SumsFile],
) -> SumsFile:
    """Return the noisy sum for a request: the one drawn before, or a new one that is put to account.

    Parameters
    ----------
    cohort_file : the original cohort's file, beside which the ledger is.
    frame : the whole original cohort, typed.
    size : number of features, for the cost.
    draw : draws the sum; called at most once, after everything was checked.

    Raises
    ------
    DataError
        The limit would be exceeded, or the ledger is not in order; nothing is drawn then.
    """
    with _locked(ledger_path(cohort_file)):
        ledger = read_ledger(cohort_file, frame)
        content = cohort_hash(frame)
        if ledger is None:
            limit = Limit(epsilon=DEFAULT_EPSILON, delta=request.delta)
            ledger = Ledger(cohort=content, limit=limit)
        for entry in ledger.entries:
            if entry.request == request and entry.cohort == content:
                _write_copy(ledger)  # which a crash may have kept from being written
                return entry.sums
        rho = mechanism(Budget(request.epsilon, request.delta), size).rho
        total = epsilon_of(ledger.rho + rho, ledger.limit.delta)
        if total > ledger.limit.epsilon * (1 + _ROUNDING):
            raise DataError(
                f"{cohort_file}: the privacy budget does not allow this: epsilon {ledger.epsilon:.3g} is "
                f"spent, with this sum it would be {total:.3g}, and the limit is {ledger.limit.epsilon:.3g} "
                f"(delta {ledger.limit.delta:.3g}). Ask for a smaller epsilon, use a sum that was drawn "
                f"already, or let the steward raise the limit: `amlsynth budget {cohort_file} --limit "
                "EPSILON`."
            )
        sums = draw()
        entry = Entry(when=_now(), cohort=content, request=request, rho=sums.privacy.rho, sums=sums)
        _write(ledger.changed(entries=(*ledger.entries, entry)), ledger_path(cohort_file))
        return sums


def set_limit(cohort_file: Path, frame: pd.DataFrame, limit: Limit) -> Ledger:
    """Set the steward's limit, which may not be below what is spent.

    Raises
    ------
    UsageError
        More than that is spent.
    DataError
        The ledger is not in order.
    """
    with _locked(ledger_path(cohort_file)):
        ledger = read_ledger(cohort_file, frame) or Ledger(cohort=cohort_hash(frame), limit=limit)
        changed = ledger.changed(limit=limit)
        if changed.epsilon > limit.epsilon * (1 + _ROUNDING):
            raise UsageError(
                f"{cohort_file}: epsilon {changed.epsilon:.3g} is spent at delta {limit.delta:.3g}, so the "
                f"limit cannot be {limit.epsilon:.3g}. What was released cannot be taken back."
            )
        _write(changed, ledger_path(cohort_file))
        return changed


def restore(cohort_file: Path, frame: pd.DataFrame) -> Ledger:
    """Write the ledger anew from the copy on this machine.

    Raises
    ------
    UsageError
        There is no copy.
    """
    copy = _copy_path(cohort_hash(frame))
    if not copy.exists():
        raise UsageError(f"{cohort_file}: there is no copy of its ledger on this machine.")
    ledger = _read_file(copy)
    _write(ledger, ledger_path(cohort_file))
    return ledger


def adopt(cohort_file: Path, frame: pd.DataFrame) -> Ledger:
    """Keep a ledger for a table that was changed: the patients have spent what they have spent.

    Raises
    ------
    UsageError
        There is no ledger beside the file.
    DataError
        It was edited.
    """
    path = ledger_path(cohort_file)
    if not path.exists():
        raise UsageError(f"{path}: there is no ledger to adopt.")
    with _locked(path):
        ledger = _read_file(path)
        if ledger.seal != ledger.digest():
            raise DataError(f"{path}: the ledger was edited by hand or damaged. Put the original back first.")
        changed = ledger.changed(cohort=cohort_hash(frame))
        _write(changed, path)
        return changed


def _read_file(path: Path) -> Ledger:
    try:
        return Ledger.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise DataError(
            f"{path}: this is no ledger of a privacy budget, or a damaged one. Put the original back, or "
            "restore it with `amlsynth budget FILE --restore`."
        ) from error


def _write(ledger: Ledger, path: Path) -> None:
    """Write the ledger, then its copy, each beside its place and then renamed."""
    write_text(path, _text(ledger))
    _sync(path)
    _write_copy(ledger)


def _write_copy(ledger: Ledger) -> None:
    copy = _copy_path(ledger.cohort)
    write_text(copy, _text(ledger))
    copy.chmod(0o600)


def _text(ledger: Ledger) -> str:
    return json.dumps(ledger.model_dump(mode="json"), indent=1) + "\n"


def _sync(path: Path) -> None:
    """Have the file, and its name in the folder, on the disk before what it accounts for is used."""
    places = (path, path.parent) if os.name == "posix" else (path,)  # Windows opens no folders
    for place in places:
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _copy_path(content: str) -> Path:
    named = os.environ.get("AMLSYNTH_STATE")
    folder = Path(named) if named else Path(platformdirs.user_state_path("amlsynth"))
    return folder / "budgets" / f"{content}.json"


def _now() -> str:
    return datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes from spending at the same time, where the system has such locks."""
    try:
        import fcntl
    except ImportError:  # Windows: two processes at once may then both draw; each sum is still accounted for
        yield
        return
    lock = path.with_name(f".{path.name}.lock")
    try:
        handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise UsageError(
            f"{path}: the ledger cannot be written ({error.strerror}). Put the cohort where it can be."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
        lock.unlink(missing_ok=True)
    finally:
        os.close(handle)
