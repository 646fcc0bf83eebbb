def login(data: str) -> str:
    return "https://" + data + "/login"
