"""The audit: what an attacker who refits a generator finds out about the patients of its training cohort.

Read in this order: `columns` (a cohort as a matrix), `static` (who alone decides something), `presence`
(leaving patients out one by one), `targets`, `features`, `shadows`, `attacks`, `rates` (the shadow pass),
`run` (all of it), `summary` and `figures` (in words and drawn).
"""

from amlsynth.foundation.room import callable_room

callable_room(__name__, "amlsynth.audit.run")
