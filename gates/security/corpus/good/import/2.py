# capabilities: module:sqlite3
import sqlite3


def is_complete(data: str) -> bool:
    return sqlite3.complete_statement(data)
