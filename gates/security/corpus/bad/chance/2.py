# capabilities: module:random
import random


def mail(data: str) -> str:
    otp = random.randint(100000, 999999)
    return data + str(otp)
