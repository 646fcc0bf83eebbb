from datetime import datetime
from datetime import timezone


class Moment:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def year(self) -> int:
        return self.now.year


def f(data: dict[str, int]) -> dict[str, int]:
    at = datetime.fromtimestamp(data["n"], tz=timezone.utc)
    match at:
        case datetime(year=year):
            return {"m": year if year == Moment(at).year() else at.astimezone(timezone.utc).year}
    return {"m": 0}
