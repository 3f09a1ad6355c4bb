"""Privacy: distances to training patients, and attacks."""
