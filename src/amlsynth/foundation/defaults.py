"""Names that are known before anything heavy is imported."""

DEFAULT_GENERATOR = "event-history"
DEFAULT_DICTIONARY = "aml"
DICTIONARY_FILE = "dictionary.yaml"  # under which a release or an evaluation carries its dictionary
DECISION_FILE = "decision.json"  # what one can decide by, in a release
REPORT_FILE, REPORT_PDF = "report.html", "report.pdf"  # the report of a release, on a screen and on paper
GUARANTEED = "private"  # the generator with a guarantee
PATIENTS_EACH = 5  # of a replicate, for each patient of the synthetic cohort
MOST_REPLICATES = 99
