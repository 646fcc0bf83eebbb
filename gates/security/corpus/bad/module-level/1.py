def double(data: int) -> int:
    return 2 * data


for step in range(3):
    double(step)
