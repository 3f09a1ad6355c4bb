"""A cohort: its table, its validation, its split."""
