import math


def root(data: float) -> float:
    tools = [math]
    return tools[0].sqrt(data)
