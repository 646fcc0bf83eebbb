def tickets(data: list[str]) -> list[str]:
    count = 0

    def numbered(name: str) -> str:
        nonlocal count
        count += 1
        return f"{name}-{count}"

    return [numbered(name) for name in data]
