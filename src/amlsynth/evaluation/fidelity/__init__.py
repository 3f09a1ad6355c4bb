"""Fidelity: columns, pairs of columns, joint distribution."""
