"""Reports of a run: JSON, HTML, SARIF, Markdown."""
