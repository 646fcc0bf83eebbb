def route(data: str) -> int:
    if data == "a":
        return 0
    if data == "b":
        return 1
    if data == "c":
        return 2
    if data == "d":
        return 3
    if data == "e":
        return 4
    if data == "f":
        return 5
    if data == "g":
        return 6
    if data == "h":
        return 7
    if data == "i":
        return 8
    if data == "j":
        return 9
    if data == "k":
        return 10
    if data == "l":
        return 11
    if data == "m":
        return 12
    if data == "n":
        return 13
    if data == "o":
        return 14
    if data == "p":
        return 15
    return -1
