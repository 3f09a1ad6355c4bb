"""Names that the command line shows before anything heavy is imported."""

DEFAULT_GENERATOR = "event-history"
