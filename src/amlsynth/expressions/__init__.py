"""Safe expressions over columns: their syntax, their values, their evaluation."""
