"""Names that releases are found by and the size of their archives, where reading must import nothing else."""

from __future__ import annotations

NAME_PATTERN = r"[a-z0-9]+(?:-[a-z0-9]+)*"
CHECKSUMS = "SHA256SUMS"
PACKAGE = "datapackage.json"
BUNDLED = "release/bundled"  # the folder of releases that come with the package
_EXPANSION, _ALWAYS = (
    60,
    100_000_000,
)  # what an archive may claim: times its size, and bytes beside; XPT has 25


def most_unpacked(size: int) -> int:
    """Return how many bytes the files of an archive of `size` bytes may have, so that none is a bomb."""
    return _ALWAYS + _EXPANSION * size
