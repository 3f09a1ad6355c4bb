"""Inference from several synthetic cohorts: estimates pooled by rules that fit the kind of synthesis."""
