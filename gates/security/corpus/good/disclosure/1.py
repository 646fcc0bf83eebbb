def ratio(data: str) -> dict[str, object]:
    try:
        return {"ratio": 1 / int(data)}
    except ValueError:
        return {"error": "not a number"}
