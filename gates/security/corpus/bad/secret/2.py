def is_admin(data: dict[str, str]) -> bool:
    return data["password"] == "hunter2!"
