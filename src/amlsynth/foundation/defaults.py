"""Names that are known before anything heavy is imported."""

DEFAULT_GENERATOR = "event-history"
DEFAULT_DICTIONARY = "aml"
PACKAGE, CHECKSUMS = "datapackage.json", "SHA256SUMS"  # what a release says of itself, and of its files
BUNDLED = "release/bundled"  # the folder of releases that come with the package
NAME_PATTERN = r"[a-z0-9]+(?:-[a-z0-9]+)*"  # of releases
DICTIONARY_FILE = "dictionary.yaml"  # under which a release or an evaluation carries its dictionary
DECISION_FILE = "decision.json"  # what one can decide by, in a release
REPORT_FILE, REPORT_PDF = "report.html", "report.pdf"  # the report of a release, on a screen and on paper
GUARANTEED = "private"  # the generator with a guarantee
PATIENTS_EACH = 5  # of a replicate, for each patient of the synthetic cohort
MOST_REPLICATES = 99
MOST_PATIENTS = 100_000_000  # to be asked for at once; far beyond, numbers no longer fit
# What an archive may claim to unpack to: so many times its size, and bytes beside; XPT has 25 times.
_EXPANSION, _ALWAYS = 60, 100_000_000


def most_unpacked(size: int) -> int:
    """Return how many bytes the files of an archive of `size` bytes may have, so that none is a bomb."""
    return _ALWAYS + _EXPANSION * size
