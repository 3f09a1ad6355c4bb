"""Effects on outcomes: hazard and odds ratios in both cohorts, and how they compare."""
