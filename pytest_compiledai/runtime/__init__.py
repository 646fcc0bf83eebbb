"""What ships beside artifacts: the loader that becomes `compiled/__init__.py`."""
