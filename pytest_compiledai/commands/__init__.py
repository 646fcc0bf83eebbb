"""The commands of `compiledai`, one a file."""
