from typing import Any


def f(data: dict[str, int], box: Any) -> dict[str, int]:
    match data:
        case box(inner):
            return {"m": inner}
    return {"m": 2 * data["n"]}
