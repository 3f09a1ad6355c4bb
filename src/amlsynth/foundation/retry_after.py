"""How long a server asks to wait: Retry-After, which counts only where the server is busy.

Zenodo sends the header with every answer that it counts, those of 200 and 500 included.
"""

from __future__ import annotations

import datetime
import email.utils
from collections.abc import Mapping

ASKS_TO_WAIT = (429, 503)


def retry_after(status: int, headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks to wait, None when it asks nothing (RFC 9110, 10.2.3).

    Examples
    --------
    >>> retry_after(429, {"Retry-After": "30"}), retry_after(200, {"Retry-After": "30"})
    (30.0, None)
    >>> retry_after(503, {"Retry-After": "Fri, 20 Nov 2020 12:00:00 GMT"})
    0.0
    """
    text = headers.get("Retry-After", "").strip()
    if status not in ASKS_TO_WAIT or not text:
        return None
    if text.isdecimal():
        return float(text)
    try:
        then = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=datetime.UTC)
    return max(0.0, (then - datetime.datetime.now(tz=datetime.UTC)).total_seconds())
