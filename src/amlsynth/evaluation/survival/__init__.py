"""Survival measures: curves, tails, remission."""
