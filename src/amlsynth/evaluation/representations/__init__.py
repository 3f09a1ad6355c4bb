"""Cohorts as codes and points, as measures take them."""
