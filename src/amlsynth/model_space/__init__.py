"""Where generators work: a cohort as time and gap, event pattern, NA as a state."""
