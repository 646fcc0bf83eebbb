"""Whether the token counts of an endpoint can be true, and what is counted where they cannot."""

from __future__ import annotations

from typing import Any
from typing import Final
from typing import Literal
from typing import NamedTuple

from pytest_compiledai.llm.request import Request
from pytest_compiledai.llm.request import Size
from pytest_compiledai.llm.request import estimated_size

#: No tokenizer in use packs more text than this into a token on average.
MOST_BYTES_A_TOKEN: Final = 64
#: What an endpoint may add to a request: templates and its own system message.
MOST_ADDED_TOKENS: Final = 4_000


class Usage(NamedTuple):
    """The tokens of one exchange, and whose count they are."""

    size: Size
    source: Literal["reported", "estimated"]


def usage_of(request: Request, text: str, *, tokens_in: Any, tokens_out: Any) -> Usage:
    """Return the endpoint's counts where they are plausible, else our own estimate of both.

    An answer may cost more tokens than its text shows, for some models bill what they thought,
    but not more than the request's ``max_tokens``.
    """
    answer_bytes = len(text.encode("utf-8"))
    most_in = request.size_bytes + MOST_ADDED_TOKENS
    most_out = max(request.most_tokens_out or 0, answer_bytes) + MOST_ADDED_TOKENS
    told = _is_plausible(tokens_in, request.size_bytes, most_in) and _is_plausible(
        tokens_out, answer_bytes, most_out
    )
    if told:
        return Usage(Size(tokens_in=tokens_in, tokens_out=tokens_out), "reported")
    return Usage(estimated_size(request, text), "estimated")


def _is_plausible(count: Any, size_bytes: int, most: int) -> bool:
    return type(count) is int and -(-size_bytes // MOST_BYTES_A_TOKEN) <= count <= most
