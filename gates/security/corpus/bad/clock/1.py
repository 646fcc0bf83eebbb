from datetime import datetime


def is_late(data: str) -> bool:
    return datetime.fromisoformat(data) < datetime.now()
