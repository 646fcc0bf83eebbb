class Abstain(Exception):
    pass


def refuse(data: int) -> int:
    raise Abstain(str(data))
