from datetime import date
from datetime import datetime
from datetime import timedelta
from datetime import timezone


def is_late(due: str, day: str) -> bool:
    parsed = datetime.strptime(due, "%Y-%m-%d").date()
    limit = date.fromisoformat(day) - timedelta(days=3)
    return parsed < limit


def moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()
