# capabilities: module:sqlite3
import sqlite3


def route(data: str) -> int:
    return len(sqlite3.connect(data).execute("select 1").fetchall())
