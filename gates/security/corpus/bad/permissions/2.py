# capabilities: module:os
import os


def keep(data: str) -> None:
    os.chmod("kept", 0o666)
