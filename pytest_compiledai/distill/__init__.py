"""Kinds `demos` and `skill`: what a dear model or many agents do, distilled into texts."""
