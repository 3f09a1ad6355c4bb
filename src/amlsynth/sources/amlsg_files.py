"""The files of the AMLSG cohort: downloaded or taken from a folder, and checked."""

from __future__ import annotations

from pathlib import Path

from amlsynth.foundation.errors import DataError, UsageError, require_extra
from amlsynth.foundation.files import sha256

REPOSITORY = "https://github.com/gerstung-lab/AML-multistage"
COMMIT = "a3f96ba727bfa3f30e47d9419a9faf1caab44d51"
BASE_URL = f"https://raw.githubusercontent.com/gerstung-lab/AML-multistage/{COMMIT}/data/"

CLINICAL = "AMLSG_Clinical_Anon.RData"
GENETIC = "AMLSG_Genetic.txt"
KARYOTYPES = "AMLSG_Karyotypes.txt"
FILES = (CLINICAL, GENETIC, KARYOTYPES)
SHA256 = {
    "AMLSG_Classification.txt": "71284e233984f7bafd0d96591391e6df4dbacab3baa23ad1fc14a3677d237dcf",
    CLINICAL: "b0720bc340664de482389cacf74cfecfeec5f3a6adb7a5ba9533486313f78bb8",
    "AMLSG_FLT3ITD.txt": "fa0d27de97616bcc8ba8492c7a5642add8ef032c53fa5f07f42bb736a94a2137",
    GENETIC: "8b3a399f491d28fa8af7e3e24c896637023e66720ffbcd021b9e43e2995d902d",
    KARYOTYPES: "4532d632c938e806426c423aa064cfc537129f55f1c07e140a86741c94116b6a",
}
_PURPOSE = "Importing AMLSG"
_RETRIES = 2


def amlsg_files(folder: Path | None) -> dict[str, Path]:
    """Return the paths of the three files that the import reads, checked.

    Parameters
    ----------
    folder : where the files are; None downloads them from the authors' repository into the user's
        cache (once), and checks them there.

    Raises
    ------
    UsageError
        The folder or a file is not there, or the download failed.
    DataError
        A file does not have the SHA-256 of the published one.
    """
    return _downloaded() if folder is None else _from_folder(Path(folder))


def _from_folder(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder. Name the folder with the AMLSG files.")
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise UsageError(
            f"{folder}: {missing[0]} is not in this folder. Copy {', '.join(FILES)} into it, or leave the "
            "folder out to download them."
        )
    for name, expected in SHA256.items():
        path = folder / name
        if path.is_file() and (found := sha256(path)) != expected:
            raise DataError(
                f"{path}: not the published file; its SHA-256 should be {expected} but is {found}. "
                f"Get it again from {REPOSITORY} at commit {COMMIT}."
            )
    return {name: folder / name for name in FILES}


def _downloaded() -> dict[str, Path]:
    pooch = require_extra("generate", "pooch", _PURPOSE)
    # The folder is named by the commit, so that another version of the data never meets this one.
    store = pooch.create(
        path=Path(pooch.os_cache("amlsynth")) / "amlsg" / COMMIT[:12],
        base_url=BASE_URL,
        registry={name: f"sha256:{SHA256[name]}" for name in FILES},
        retry_if_failed=_RETRIES,
    )
    paths = {}
    for name in FILES:
        try:
            paths[name] = Path(store.fetch(name))
        except ValueError as error:  # what pooch raises for a wrong hash
            raise DataError(
                f"{BASE_URL}{name}: what was downloaded is not the published file; its SHA-256 should be "
                f"{SHA256[name]}. Try again later, or name a folder with the files."
            ) from error
        except OSError as error:
            raise UsageError(
                f"{BASE_URL}{name}: the download failed ({type(error).__name__}). Check the connection, or "
                "name a folder with the files."
            ) from error
    return paths
