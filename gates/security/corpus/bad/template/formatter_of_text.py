# capabilities: module:string
from string import Formatter


def route(data: str) -> int:
    return len(Formatter().vformat(data, (), {"a": 1}))
