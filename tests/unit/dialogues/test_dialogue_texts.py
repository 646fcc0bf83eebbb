"""Secrets, personal data and files that are not safetensors are told; plain texts are not."""

from __future__ import annotations

import pytest

from pytest_compiledai.dialogues.texts import remarks


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("personal", "write to jane.roe@mail.example"),
        ("personal", "call +44 20 7946 0958"),
        ("personal", "my card is 4111 1111 1111 1111"),
        ("personal", "GB82 WEST 1234 5698 7654 32"),
        ("personal", "my account is gb82west12345698765432, please"),
        ("personal", "card 4111.1111.1111.1111"),
        ("personal", "078-05-1120"),
        ("secret", "the key is AKIAQQQQWWWWEEEERRRR"),
        ("hidden", "hello\u200bworld"),
        ("hidden", "hello\U000e0073\U000e0079"),
    ],
)
def test_what_may_not_be_frozen_is_told(rule: str, text: str) -> None:
    """Each kind of text that must not be in an artifact has its finding."""
    assert [rule] == [found for found, _ in remarks({"say": [text]})]


def test_plain_texts_pass() -> None:
    """Numbers, times and codes of a flow are no personal data."""
    texts = ["policy 12345678", "at 10:30 on 2026-01-02", "TR48213", "4111 1111 1111 1112"]
    texts.append("TR48213 to friday 12 of june at ten or at 11 if you can 2 of us")

    assert [] == list(remarks(texts))


def test_names_are_looked_at_as_texts_are() -> None:
    """A value of a slot is the key of a mapping."""
    assert ["personal"] == [rule for rule, _ in remarks({"values": {"+44 20 7946 0958": []}})]
