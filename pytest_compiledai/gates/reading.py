"""Amounts of money and calendar days, read from the forms people write them in.

Nothing is guessed: what has two readings, or none, is left as the text it is.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from decimal import Decimal
from typing import Any
from typing import Final

#: Signs that name one currency; `kr` and `$` beside other letters are read as what they mostly are.
_SIGNS: Final = {
    "$": "USD",
    "us$": "USD",
    "usd$": "USD",
    "c$": "CAD",
    "ca$": "CAD",
    "a$": "AUD",
    "au$": "AUD",
    "nz$": "NZD",
    "hk$": "HKD",
    "s$": "SGD",
    "r$": "BRL",
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "₩": "KRW",
    "₺": "TRY",
    "₽": "RUB",
    "₪": "ILS",
    "₫": "VND",
    "₴": "UAH",
    "₱": "PHP",
    "฿": "THB",
    "zł": "PLN",
    "kč": "CZK",
    "rm": "MYR",
    "rp": "IDR",
}
_AMOUNT: Final = re.compile(r"[0-9](?:[0-9.,'\u2019 ]*[0-9])?")
_CODE: Final = re.compile(r"[a-z]{3}")
_GROUPS: Final = re.compile(r"[0-9]{1,3}(?:([.,'\u2019 ])[0-9]{3})(?:\1[0-9]{3})*")
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sep sept",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_YEAR_FIRST: Final = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})(?:[Tt ].*)?")
_COMPACT: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_NUMBERS: Final = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")
_DAY_MONTH: Final = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?[ -]([a-z]+)\.?,?[ -]([0-9]{4})")
_MONTH_DAY: Final = re.compile(r"([a-z]+)\.? ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})")


def read_day(value: Any, *, order: str = "") -> dt.date | None:
    """Return the calendar day ``value`` names; None for what is no day or has two readings.

    ``order`` (`dmy` or `mdy`) says how 03/04/2024 is read. A time after the day is left out.
    """
    if not isinstance(value, str):
        return None
    text = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    for year, month, day in _parts(text, order):
        try:
            return dt.date(year, month, day)
        except ValueError:
            return None
    return None


def _parts(text: str, order: str) -> list[tuple[int, int, int]]:
    if match := _YEAR_FIRST.fullmatch(text):
        return [(int(match[1]), int(match[3]), int(match[4]))]
    if match := _COMPACT.fullmatch(text):
        return [(int(match[1]), int(match[2]), int(match[3]))]
    if match := _DAY_MONTH.fullmatch(text):
        return [(int(match[3]), _MONTHS.get(match[2], 0), int(match[1]))]
    if match := _MONTH_DAY.fullmatch(text):
        return [(int(match[3]), _MONTHS.get(match[1], 0), int(match[2]))]
    if match := _NUMBERS.fullmatch(text):
        return _of_numbers(int(match[1]), match[2], int(match[3]), int(match[4]), order)
    return []


def _of_numbers(
    first: int, sign: str, second: int, year: int, order: str
) -> list[tuple[int, int, int]]:
    """Return the day of 03/04/2024; a point between numbers always means day, month, year."""
    months = 12
    if order == "dmy" or sign == "." or first > months or first == second:
        return [(year, second, first)]
    if order == "mdy" or second > months:
        return [(year, first, second)]
    return []


def read_money(value: Any) -> tuple[Decimal, str] | None:
    """Return the amount and the currency's code (empty where none stands).

    Takes a number, a text such as `$1,234.50`, `1.234,50 EUR` or `(12.00)`, or an object of
    `amount` and `currency`. None for what is no amount.
    """
    if isinstance(value, dict) and set(value) == {"amount", "currency"}:
        amount, code = read_money(value["amount"]), _currency(value["currency"])
        if amount is None or code is None or amount[1] not in ("", code):
            return None
        return amount[0], code
    if type(value) in (int, float):
        return Decimal(repr(value)), ""
    return _of_text(value) if isinstance(value, str) else None


def _of_text(value: str) -> tuple[Decimal, str] | None:
    text = " ".join(unicodedata.normalize("NFKC", value).casefold().replace("\u2212", "-").split())
    match = _AMOUNT.search(text)
    if match is None:
        return None
    before, after = text[: match.start()].strip(), text[match.end() :].strip()
    negative = False
    if before.startswith("(") and after.endswith(")"):
        negative, before, after = True, before[1:].strip(), after[:-1].strip()
    elif "-" in before or after == "-":
        negative, before, after = True, before.replace("-", "", 1).strip(), after.strip("-")
    if before and after:
        return None
    code = _currency(before or after) if before or after else ""
    amount = _decimal(match.group())
    if code is None or amount is None:
        return None
    return (-amount if negative else amount), code


def _currency(sign: Any) -> str | None:
    if not isinstance(sign, str):
        return None
    sign = sign.strip().casefold()
    if sign in _SIGNS:
        return _SIGNS[sign]
    return sign.upper() if _CODE.fullmatch(sign) else None


def _decimal(text: str) -> Decimal | None:
    """Return the number; the last of `.` and `,` is the decimal sign where both stand."""
    whole, point, fraction = text, "", ""
    at = max(text.rfind("."), text.rfind(","))
    if at >= 0:
        sign, digits = text[at], text[at + 1 :]
        other = "," if sign == "." else "."
        alone = text.count(sign) == 1
        # `1,234` is a thousand and more; `1.234` is what a program writes for one and a bit.
        if (
            alone
            and digits.isdigit()
            and (other in text or sign == "." or len(digits) != len("000"))
        ):
            whole, point, fraction = text[:at], ".", digits
    if not whole.isdigit() and not _GROUPS.fullmatch(whole):
        return None
    return Decimal("".join(filter(str.isdigit, whole)) + point + fraction)
