"""What CI runs beside pytest: `python -m pytest_compiledai.ci`."""
