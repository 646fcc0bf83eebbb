class Box:
    __getattr__, one = (lambda self, name: 1), 1


def f(data: dict[str, int]) -> dict[str, int]:
    return {"m": 2 * data["n"] * Box().anything}
