# capabilities: module:sqlite3
import sqlite3


def add(data: str, password: str) -> None:
    statement = "INSERT INTO users (name, password) VALUES (?, ?)"
    sqlite3.connect(":memory:").execute(statement, (data, password))
