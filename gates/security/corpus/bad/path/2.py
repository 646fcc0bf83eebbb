# capabilities: module:os
import os


def names(data: str) -> list[str]:
    return sorted(os.listdir(data))
