"""Requests: their address, their size, and token counts that cannot be true."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Request
from pytest_compiledai.llm.request import Size
from pytest_compiledai.llm.request import estimated_tokens
from pytest_compiledai.llm.usage import usage_of


def request_of(text: str = "hello", *, sample: int = 0, **parameters: Any) -> Request:
    return Request(
        messages=(Message(role="user", content=text),), parameters=parameters, sample=sample
    )


def test_the_address_is_pinned() -> None:
    """A change of the address would orphan every recording, so its value stands here."""
    request = request_of(temperature=0.0, max_tokens=100)

    assert request.key == "971db1feed2675df1f1d207558f68f5551d8544e39f2ea4fb1fda6550a55effc"


def test_the_order_of_parameters_is_no_part_of_the_address() -> None:
    """Equal requests have equal addresses, however they were built."""
    assert request_of(a=1, b=2).key == request_of(b=2, a=1).key


@pytest.mark.parametrize(
    "other",
    [
        request_of("hello "),
        request_of(sample=1),
        request_of(temperature=0.5),
        Request(messages=(Message(role="system", content="hello"),), parameters={}),
    ],
)
def test_every_part_is_in_the_address(other: Request) -> None:
    """Text, role, parameters and sample number each make another request."""
    assert other.key != request_of().key


def test_a_role_outside_the_set_is_refused() -> None:
    """A role that no endpoint knows is caught where it is made."""
    with pytest.raises(ValueError, match="role 'tool'"):
        Message(role="tool", content="")


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("é€", 2)]
)
def test_a_token_is_four_bytes_rounded_up(text: str, tokens: int) -> None:
    """The estimate counts bytes of UTF-8, not characters."""
    assert estimated_tokens(text) == tokens


def test_the_worst_case_is_two_bytes_a_token_and_the_whole_answer() -> None:
    """What is reserved exceeds the estimate, and covers an answer of max_tokens."""
    assert request_of("x" * 100, max_tokens=70).worst(most_answer_bytes=4_000) == Size(66, 70)


def test_without_max_tokens_the_answer_may_fill_its_bytes() -> None:
    """A request without a bound is reserved at the most bytes an answer may have."""
    assert request_of().worst(most_answer_bytes=4_000).tokens_out == 1_000


def test_counts_that_can_be_true_are_believed() -> None:
    """The endpoint's own plausible counts stand, also where it bills what it thought."""
    usage = usage_of(request_of(max_tokens=900), "short", tokens_in=9, tokens_out=800)

    assert usage == (Size(9, 800), "reported")


@pytest.mark.parametrize("count", [-1, 10**12, None, True, 3.0, "3", 0])
def test_counts_that_cannot_be_true_are_estimated(count: Any) -> None:
    """Negative, absurd, missing and mistyped counts are replaced, and both at once."""
    request, text = request_of("x" * 400), "y" * 40

    bad_in = usage_of(request, text, tokens_in=count, tokens_out=10)
    bad_out = usage_of(request, text, tokens_in=100, tokens_out=count)

    assert bad_in == bad_out == (Size(100, 10), "estimated")
