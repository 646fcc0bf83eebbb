"""The string formats that are asserted, each by a strict check of our own."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
import urllib.parse
from collections.abc import Callable
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HOURS = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_TIME = re.compile(rf"{_HOURS}:[0-5][0-9](\.[0-9]+)?([Zz]|[+-]{_HOURS})")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"(?=.{{1,254}}\Z)(?=[^@]{{1,64}}@){_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})*")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_date(text: str) -> bool:
    """Return whether ``text`` is an RFC 3339 full-date that exists, such as 2024-02-29."""
    return _DATE.fullmatch(text) is not None and _reads(dt.date.fromisoformat, text)


def is_time(text: str) -> bool:
    """Return whether ``text`` is an RFC 3339 full-time with its offset; no leap second."""
    return _TIME.fullmatch(text) is not None


def is_date_time(text: str) -> bool:
    """Return whether ``text`` is an RFC 3339 date-time with its offset; no leap second."""
    return text[10:11] in {"T", "t"} and is_date(text[:10]) and is_time(text[11:])


def is_email(text: str) -> bool:
    """Return whether ``text`` is an ASCII mail address without quotes, comments or brackets."""
    return _EMAIL.fullmatch(text) is not None


def is_uri(text: str) -> bool:
    """Return whether ``text`` is an RFC 3986 URI with a scheme, ASCII only."""
    return _URI.fullmatch(text) is not None and _reads(_split_uri, text)


def is_uuid(text: str) -> bool:
    """Return whether ``text`` is a UUID in its form with four hyphens."""
    return _UUID.fullmatch(text) is not None


def is_ipv4(text: str) -> bool:
    """Return whether ``text`` is an IPv4 address of four decimals without leading zeros."""
    return _reads(ipaddress.IPv4Address, text)


def _split_uri(text: str) -> None:
    parts = urllib.parse.urlsplit(text)
    _ = parts.port  # raises for a port that is no number
    if text.count("#") > 1:
        raise ValueError(text)


def _reads(reader: Callable[[str], object], text: str) -> bool:
    try:
        reader(text)
    except ValueError:
        return False
    return True


#: What `format` may name; any other name is an error in a schema.
FORMATS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {
        "date": is_date,
        "date-time": is_date_time,
        "email": is_email,
        "ipv4": is_ipv4,
        "time": is_time,
        "uri": is_uri,
        "uuid": is_uuid,
    }
)
