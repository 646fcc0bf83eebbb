# capabilities: module:random
import random


def new_token(data: str) -> str:
    return data + str(random.getrandbits(64))
