from __future__ import annotations


def route(data: "str") -> int:
    return len(data)
