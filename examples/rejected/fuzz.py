def score_percent(data: ScorePercentInput) -> ScorePercentOutput:
    width = data["best"] - data["worst"]
    share = 100 * (data["score"] - data["worst"]) / width
    return {"percent": int(min(100.0, max(0.0, share)) + 0.5)}
