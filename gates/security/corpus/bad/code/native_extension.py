# capabilities: module:sqlite3
import sqlite3


def route(data: str) -> int:
    base = sqlite3.connect(":memory:")
    base.load_extension(data)
    return 1
