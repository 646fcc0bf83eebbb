"""The capability policy: what generated code may name, import, touch and build."""
