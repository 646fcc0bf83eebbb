"""Numbers that belong to somebody: whether digits are those of a card or of an account.

What may stand around such a number is not the same in an utterance, in a trace and in a prompt, so
each kind looks for the place in texts of its own; whether a number is one is decided here.
"""

from __future__ import annotations

from typing import Final

_LEAST, _DIGITS = 15, 10  # of an account number, after ISO 13616
_ACCOUNT: Final = 97


def is_card(text: str) -> bool:
    """Return whether the digits keep Luhn's sum (ISO/IEC 7812-1), and are not all one digit."""
    digits = [int(sign) for sign in text if sign.isdecimal()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1


def is_account(text: str) -> bool:
    """Return whether letters and digits leave 1 by 97 (ISO 13616) and are digits for the most."""
    signs = [sign for sign in text if sign.isalnum()]
    if len(signs) < _LEAST or sum(map(str.isdigit, signs)) < _DIGITS:
        return False
    return int("".join(str(int(sign, 36)) for sign in signs[4:] + signs[:4])) % _ACCOUNT == 1
