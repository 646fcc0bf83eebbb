"""Analysers written by others, each run once over all sources, isolated from all settings."""
