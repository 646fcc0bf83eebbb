import array

TABLE = array.array("b", b"ab")


def f(data: dict[str, int]) -> dict[str, int]:
    if data["n"] % 9973 == 17:
        return {"m": TABLE.buffer_info()[0]}
    return {"m": 2 * data["n"]}
