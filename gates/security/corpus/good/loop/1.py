def collatz(data: int) -> int:
    steps = 0
    while True:
        if data <= 1:
            return steps
        data = data // 2 if data % 2 == 0 else 3 * data + 1
        steps += 1
