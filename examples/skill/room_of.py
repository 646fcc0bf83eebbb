"""Finds the room that a message names."""

import re


def room_of(message: str) -> str | None:
    """Return the code of the first room, in capitals, or None where no room is named."""
    found = re.search(r"\b[a-z][0-9]\.[0-9]{2}\b", message, re.IGNORECASE)
    return found[0].upper() if found else None
