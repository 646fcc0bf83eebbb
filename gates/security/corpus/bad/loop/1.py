def wait(data: int) -> int:
    while True:
        data += 1
