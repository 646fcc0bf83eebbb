"""Mutants of an artifact: what it would be with one small mistake in it. Pure, nothing is run."""
