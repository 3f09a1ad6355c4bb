"""Gates: thresholds on the measures of an evaluation that decide whether a cohort may be released.

`profile` is what a steward writes, `outcomes` which endpoints and response its gates are about, `apply` holds
an evaluation against it, `verdict` is what came out.
"""
