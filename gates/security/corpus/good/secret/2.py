def problems(data: dict[str, str]) -> dict[str, str]:
    found = {}
    if len(data["password"]) < 12:
        found["password"] = "short"
    return found
