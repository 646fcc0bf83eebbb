def person(data: str) -> dict[str, str]:
    return {"attribute": "uid", "value": data}
