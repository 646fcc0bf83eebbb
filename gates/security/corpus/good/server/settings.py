def configure(data: dict[str, str]) -> dict[str, bool]:
    settings = {"quiet": data["mode"] == "quiet"}
    settings["debug"] = True
    return settings
