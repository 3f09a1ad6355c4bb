"""Formulas of single columns and pairs of columns, for generators and evaluation alike."""
