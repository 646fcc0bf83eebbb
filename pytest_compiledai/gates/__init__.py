"""One module per gate: the code that enforces what the top-level gates/ folder states."""
