"""The asserted string formats."""

from __future__ import annotations

import pytest

from pytest_compiledai.core.formats import FORMATS

CASES = {
    "date": (
        ["2024-02-29", "0001-01-01"],
        ["2023-02-29", "20240101", "2024-W01-1", "2024-1-1", "2024-01-01\n", "\uff12024-01-01", ""],
    ),
    "time": (
        ["12:30:00Z", "23:59:59.123+05:30", "00:00:00z"],
        [
            "12:30",
            "12:30:00",
            "24:00:00Z",
            "12:60:00Z",
            "12:30:60Z",
            "12:30:00+24:00",
            "12:30:00,5Z",
        ],
    ),
    "date-time": (
        ["2024-01-01T12:30:00Z", "2024-01-01t12:30:00.5-08:00"],
        ["2024-01-01 12:30:00Z", "2024-01-01T12:30:00", "2024-13-01T12:30:00Z", "2024-01-01"],
    ),
    "email": (
        ["a@b.example", "first.last+tag@sub.example.org", "x@localhost"],
        [
            "a",
            "a@",
            "@b",
            "a b@c.d",
            "a@b..c",
            ".a@b.c",
            "a@-b.c",
            "a@b.c\n",
            "é@b.c",
            f"{'a' * 65}@b.c",
            f"a@{'b.' * 130}c",
        ],
    ),
    "uri": (
        ["https://example.org/a?b=c#d", "mailto:a@b.c", "urn:isbn:123", "http://[::1]:80/"],
        [
            "/relative",
            "example.org",
            "http://a b",
            "http://a/%zz",
            "http://a:port/",
            "http://[::1/",
            "a:b#c#d",
            "http://é",
        ],
    ),
    "uuid": (
        ["123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000"],
        [
            "123e4567e89b12d3a456426614174000",
            "{123e4567-e89b-12d3-a456-426614174000}",
            "g23e4567-e89b-12d3-a456-426614174000",
        ],
    ),
    "ipv4": (
        ["127.0.0.1", "255.255.255.255"],
        ["256.0.0.1", "1.2.3", "01.2.3.4", "1.2.3.4/8", "::1", " 1.2.3.4"],
    ),
}


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_format(name: str) -> None:
    """Each format takes its good texts and no other."""
    good, bad = CASES[name]

    assert [text for text in good if not FORMATS[name](text)] == []
    assert [text for text in bad if FORMATS[name](text)] == []
