"""Labelled kernels of coding agents as recall and precision of what is seen here."""
