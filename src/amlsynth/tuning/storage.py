"""Studies and where they are kept: a journal file, or any database that Optuna speaks to."""

from __future__ import annotations

import os
import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amlsynth.foundation.errors import MissingExtraError, UsageError, require_extra

if TYPE_CHECKING:
    import optuna

_HIDDEN = "***"
_CONNECT_SECONDS = 10  # before a server counts as not reached
_RACES = 5  # of workers that make the tables of a new database at the same moment
_LOCK_GRACE = 10  # seconds after which the lock of a worker that was killed is taken over


def open_storage(storage: str | Path | None) -> optuna.storages.BaseStorage:
    """Open a storage: None for memory, a database's URL (with ://), or the path of a journal file.

    Raises
    ------
    UsageError
        It cannot be reached or read; the sentence shows no password.
    MissingExtraError
        Optuna or the database's driver is not installed.
    """
    require_extra("generate", "optuna", "Tuning")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if storage is None:
        return optuna.storages.InMemoryStorage()
    text = str(storage)
    if "://" not in text:
        return _journal(Path(text))
    if text.startswith("redis"):
        with reaching(storage):
            return optuna.storages.JournalStorage(optuna.storages.journal.JournalRedisBackend(text))
    return _database(text)


def shown(storage: str | Path | None) -> str:
    """Return a storage as messages may show it: without the password."""
    if storage is None:
        return "memory"
    text = str(storage)
    if "://" not in text:
        return text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        return f"{text.partition('://')[0]}://{_HIDDEN}"  # not a URL, so nobody knows where the password is
    secret = [key for key in url.query if re.search("pass|secret|token|key", key, re.IGNORECASE)]
    hidden = url.update_query_dict(dict.fromkeys(secret, "HIDDEN")).render_as_string(hide_password=True)
    return hidden.replace("=HIDDEN", f"={_HIDDEN}")  # which a URL would write as %2A%2A%2A


@contextmanager
def reaching(storage: str | Path | None) -> Iterator[None]:
    """Turn what goes wrong between here and a storage into sentences without passwords.

    Raises
    ------
    UsageError, MissingExtraError
        With the name of the storage, why it failed, and what to do.
    """
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    try:
        yield
    except (ImportError, NoSuchModuleError) as error:
        if isinstance(error, (UsageError, MissingExtraError)):
            raise
        raise MissingExtraError(
            f"The study's storage {shown(storage)} needs a driver that is not installed, or is of no kind "
            "that is known. For postgresql:// install it with: pip install psycopg2-binary"
        ) from None
    except ArgumentError:
        raise UsageError(
            f"The study's storage {shown(storage)} is no URL of a database. Write it as "
            "postgresql://USER@HOST/DATABASE or sqlite:///FILE.db, or name a journal file."
        ) from None
    except SQLAlchemyError as error:
        raise _unusable(storage, str(getattr(error, "orig", None) or type(error).__name__)) from None
    except Exception as error:
        if not type(error).__module__.startswith(("optuna.", "redis.")):
            raise
        raise _unusable(storage, f"{type(error).__name__}: {error}") from None


def _unusable(storage: str | Path | None, reason: str) -> UsageError:
    problem = " ".join(_redacted(reason, storage).split()).rstrip(".")
    return UsageError(
        f"The study's storage {shown(storage)} cannot be used: {problem}. Check address, name, password "
        "(PGPASSWORD or ~/.pgpass keep it off the command line) and that the server runs. Trials that were "
        "finished are kept."
    )


def _redacted(text: str, storage: str | Path | None) -> str:
    from sqlalchemy.engine import make_url

    if "://" not in str(storage):
        return text
    url = make_url(str(storage))
    secrets = [url.password, *url.query.values()] if url.password or url.query else []
    for secret in secrets:
        if isinstance(secret, str) and secret:
            text = text.replace(secret, _HIDDEN)
    return text


def _database(url: str) -> optuna.storages.BaseStorage:
    import optuna
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

    options: dict[str, Any] = {"pool_pre_ping": True}
    if url.startswith("postgres"):
        options["connect_args"] = {"connect_timeout": _CONNECT_SECONDS}
    if url.startswith("sqlite"):
        options["connect_args"] = {"timeout": 60}
    with reaching(url):
        address = _with_driver(url)
        for race in range(_RACES):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    return optuna.storages.RDBStorage(address, engine_kwargs=options)
            except (IntegrityError, ProgrammingError, OperationalError) as error:
                # Two workers that make the tables at once: one of them finds them there already.
                if race == _RACES - 1 or not re.search("exist|duplicate|unique", str(error)):
                    raise
                time.sleep(0.2 * (race + 1))
    raise AssertionError("not reached")


def _with_driver(url: str) -> str:
    """Name the driver of a PostgreSQL URL: which one SQLAlchemy takes by itself depends on its version."""
    plain = re.match("postgres(ql)?://", url)
    if plain is None:
        return url
    driver = "psycopg2" if find_spec("psycopg2") else "psycopg"
    return f"postgresql+{driver}://{url[plain.end() :]}"


def _journal(path: Path) -> optuna.storages.BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    path = path.absolute()
    if path.is_dir():
        raise UsageError(f"{path}: this is a folder; name a file for the study.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = JournalFileOpenLock(str(path), grace_period=_LOCK_GRACE)
        lock.acquire()
        try:
            _drop_half_line(path)
        finally:
            lock.release()
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except OSError as error:
        raise UsageError(
            f"{path}: the study cannot be kept here ({error.strerror}). Choose another place with --storage."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise UsageError(
            f"{path}: this is no journal of a study. Choose another file with --storage, or remove it."
        ) from error


def _drop_half_line(path: Path) -> None:
    """Cut off what a worker that was killed while it wrote has left: it ends in no line break."""
    if not path.exists():
        return
    with path.open("r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        back = min(size, 1_000_000)
        stream.seek(size - back)
        tail = stream.read()
        if tail and not tail.endswith(b"\n"):
            stream.truncate(size - back + tail.rfind(b"\n") + 1 if b"\n" in tail else 0)
