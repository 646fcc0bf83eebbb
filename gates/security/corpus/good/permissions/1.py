# capabilities: module:os
import os


def keep(data: str) -> None:
    os.makedirs("kept", mode=0o700)
