"""What a language model is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final
from typing import Literal
from typing import NamedTuple
from typing import TypeAlias

from pytest_compiledai.core.canonical import digest_of

Role: TypeAlias = Literal["system", "user", "assistant"]
ROLES: Final[tuple[Role, ...]] = ("system", "user", "assistant")

#: No tokenizer is loaded: English and code come to about four bytes a token with all of today's.
BYTES_A_TOKEN: Final = 4
#: The worst case: digits, names and other scripts come to fewer bytes a token.
LEAST_BYTES_A_TOKEN: Final = 2
#: The most tokens one answer may have; sent with every request.
MOST_ANSWER_TOKENS: Final = 8_000
#: What a message costs beside its text: role and delimiters.
TOKENS_A_MESSAGE: Final = 16


class Size(NamedTuple):
    """Tokens of an exchange."""

    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation. Raises ``ValueError`` for a role outside the closed set."""

    role: Role | str  # checked below, for callers that read it from a file
    content: str

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"role {self.role!r}, expected one of {', '.join(ROLES)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A question to a model; its address does not contain the model."""

    messages: tuple[Message, ...]
    parameters: Mapping[str, Any]  # temperature, max_tokens
    sample: int = 0  # sent as the seed

    def as_json(self) -> dict[str, Any]:
        """Return the JSON values that the address covers."""
        return {
            "messages": [{"role": m.role, "content": m.content} for m in self.messages],
            "parameters": dict(self.parameters),
            "sample": self.sample,
        }

    @property
    def key(self) -> str:
        """The content address: 64 hex digits."""
        return digest_of(self.as_json())

    @property
    def size_bytes(self) -> int:
        """The bytes of all messages in UTF-8."""
        return sum(len(m.content.encode("utf-8")) for m in self.messages)

    @property
    def most_tokens_out(self) -> int | None:
        """The most tokens that the answer may have; None where the request names no bound."""
        bound = self.parameters.get("max_tokens")
        return bound if type(bound) is int else None

    def worst(self, *, most_answer_bytes: int) -> Size:
        """Return the most that one exchange is taken to cost, an answer of ``max_tokens``.

        Where the request names no ``max_tokens``, the answer has ``most_answer_bytes``.
        """
        overhead = TOKENS_A_MESSAGE * len(self.messages)
        most_out = self.most_tokens_out
        return Size(
            tokens_in=-(-self.size_bytes // LEAST_BYTES_A_TOKEN) + overhead,
            tokens_out=most_answer_bytes // BYTES_A_TOKEN if most_out is None else most_out,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A model's answer."""

    text: str
    model: str
    tokens_in: int
    tokens_out: int
    usage: Literal["reported", "estimated"] = "reported"
    seconds: float | None = None  # None: not really measured
    finish: str = "stop"


def estimated_tokens(text: str) -> int:
    """Return the estimate for ``text``: one token per four bytes of UTF-8, rounded up."""
    return -(-len(text.encode("utf-8")) // BYTES_A_TOKEN)


def estimated_size(request: Request, text: str) -> Size:
    """Return the estimate for an exchange."""
    asked = sum(estimated_tokens(m.content) for m in request.messages)
    return Size(tokens_in=asked, tokens_out=estimated_tokens(text))
