"""Survival analysis on plain arrays: each formula once, for generators and evaluation alike."""
