"""The lock-down in which generated code runs, its workers and its probes."""
