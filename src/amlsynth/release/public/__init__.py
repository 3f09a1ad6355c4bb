"""Releases with a guarantee: what they hold, made of noisy sums, the prior and the synthetic cohort alone."""
