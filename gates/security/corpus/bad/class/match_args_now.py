from datetime import datetime


class Moment(datetime):
    __match_args__ = ("now",)


def f(data: dict[str, int]) -> dict[str, int]:
    match Moment(2000, 1, 1):
        case Moment(tell) if tell().year > 2030:
            return {"m": 0}
    return {"m": 2 * data["n"]}
