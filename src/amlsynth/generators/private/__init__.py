"""Synthetic patients with a differential privacy guarantee: a public prior, tilted to one noisy sum."""
