"""Reports of a run: JSON."""
