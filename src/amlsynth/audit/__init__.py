"""The audit: what an attacker who refits a generator finds out about the patients of its training cohort.

Read in this order: `columns` (a cohort as a matrix), `static` (who alone decides something), `presence`
(leaving patients out one by one), `targets`, `features`, `shadows`, `attacks`, `rates` (the shadow pass),
`run` (all of it), `summary` and `figures` (in words and drawn). `amlsynth.audit(...)` is also the public
function, so this module can be called.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amlsynth.audit.run import Audit


class _Room(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Audit:
        from amlsynth.audit.run import audit

        return audit(*args, **kwargs)


sys.modules[__name__].__class__ = _Room
