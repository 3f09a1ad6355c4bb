"""Where the dictionary, the release templates and the report sources are: in a wheel or a checkout."""

from __future__ import annotations

from pathlib import Path

from amlsynth.foundation.errors import UsageError

_PACKAGE = Path(__file__).resolve().parents[1]


def asset(name: str) -> Path:
    """Return the path of a top-level folder or file such as "schema/aml.yaml" or "reports".

    A wheel carries these under `amlsynth/_data`; an editable install reads them in the checkout, so
    that an edit of the dictionary takes effect at once.

    Raises
    ------
    UsageError
        The installation lacks the file.
    """
    for root in (_PACKAGE / "_data", _PACKAGE.parent.parent):
        if (root / name).exists():
            return root / name
    raise UsageError(f"{name} is not part of this installation of amlsynth. Install the package again.")
