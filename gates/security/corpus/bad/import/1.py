import os


def home(data: str) -> str:
    return os.environ[data]
