"""Runs a decoder by its plan: frozen kernels where they were measured, the framework elsewhere."""
