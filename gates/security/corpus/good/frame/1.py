def steps(data: int) -> list[int]:
    return [step for step in range(data)]
