# capabilities: module:sqlite3
import sqlite3


def run(data: str) -> None:
    sqlite3.connect(":memory:").execute(data)
