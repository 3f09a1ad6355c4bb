"""Names that releases are found by, where reading one must import nothing else."""

from __future__ import annotations

NAME_PATTERN = r"[a-z0-9]+(?:-[a-z0-9]+)*"
CHECKSUMS = "SHA256SUMS"
PACKAGE = "datapackage.json"
