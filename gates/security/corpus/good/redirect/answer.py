def move(data: dict[str, str]) -> dict[str, str]:
    arguments = {"kind": "move"}
    arguments["location"] = data["to"]
    arguments["subject"] = data["about"]
    return arguments
