def refuse(data: int) -> int:
    if data < 0:
        raise Abstain("negative amounts are for a person")
    sum = data + 1
    return sum
