def count(data: list[int]) -> int:
    found = 0
    for _ in len(data):
        found += 1
    return found
