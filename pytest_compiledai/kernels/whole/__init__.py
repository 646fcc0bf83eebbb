"""Whole models: one artifact, run by the back end that is fastest among those that match."""
