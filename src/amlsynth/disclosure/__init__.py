"""What may be said of a cohort of patients, and how exactly: one rule for every number that leaves."""
