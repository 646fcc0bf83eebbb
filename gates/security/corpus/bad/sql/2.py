def find(data: str) -> str:
    statement = "DELETE FROM users "
    statement += "WHERE name = '" + data + "'"
    return statement
