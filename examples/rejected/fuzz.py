import math


def score_percent(data: ScorePercentInput) -> ScorePercentOutput:
    width = data["best"] - data["worst"]
    share = 100 * (data["score"] - data["worst"]) / width
    return {"percent": min(100, max(0, math.floor(share + 0.5)))}
