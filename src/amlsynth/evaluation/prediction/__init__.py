"""Models trained on synthetic patients, tested on real ones."""
