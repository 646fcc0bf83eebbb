"""One exchange with a language model over LiteLLM.

The bytes of an answer are bounded on the wire for OpenAI-compatible endpoints and for the
providers in `BOUNDED`; for others LiteLLM reads the body itself and only the text is bounded.
Nothing here tries twice, counts money or writes a file.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import time
import urllib.parse
import warnings
from collections.abc import Coroutine
from collections.abc import Mapping
from typing import Any
from typing import Final
from typing import Protocol

from pytest_compiledai.core.errors import ModelError
from pytest_compiledai.core.errors import SettingsError
from pytest_compiledai.llm.fault import Fault
from pytest_compiledai.llm.fault import FaultKind
from pytest_compiledai.llm.redact import redact
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request
from pytest_compiledai.llm.usage import usage_of
from pytest_compiledai.llm.wire import Wire

BRIDGE: Final = "bridge/"
MOST_ANSWER_BYTES: Final = 200_000
#: An answer's JSON: each character may be escaped to six, and there is something around it.
_ESCAPED: Final = 6
_AROUND: Final = 64_000

#: Providers whose LiteLLM code takes an HTTP client of ours, beside OpenAI-compatible endpoints.
BOUNDED: Final = frozenset(
    {
        *("anthropic", "deepseek", "fireworks_ai", "gemini", "groq", "hosted_vllm"),
        *("mistral", "ollama_chat", "openrouter", "together_ai", "xai"),
    }
)

_TRY_AGAIN: Final = frozenset({408, 409, 425, 429})
_SHOWN_CHARACTERS: Final = 200


class Client(Protocol):
    """Whoever can be asked."""

    @property
    def model(self) -> str:
        """The model asked."""

    @property
    def where(self) -> str:
        """Model and endpoint, for messages; no credentials."""

    def prepare(self) -> None:
        """Load what asking needs, in the caller's thread; cheap when called again.

        Raises ``ModelError`` where it is not there.
        """

    async def ask(self, request: Request) -> Reply:
        """Return the answer to ``request``. Raises ``Fault`` or ``ModelError``."""


class LiteLLMClient:
    """Asks one model; `bridge/NAME` is `NAME` at the endpoint in OPENAI_API_BASE.

    Raises ``SettingsError`` for a `bridge/` model without an endpoint.
    """

    def __init__(
        self,
        model: str,
        *,
        timeout_s: float = 600.0,
        max_answer_bytes: int = MOST_ANSWER_BYTES,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.model = model
        self.timeout_s = timeout_s
        self.max_answer_bytes = max_answer_bytes
        environ = os.environ if environ is None else environ
        self._key = environ.get("OPENAI_API_KEY") or None
        self._base = environ.get("OPENAI_API_BASE") or environ.get("OPENAI_BASE_URL") or None
        if self._is_bridge and self._base is None:
            raise SettingsError(
                where=model,
                found="no OPENAI_API_BASE in the environment",
                expected="the address of an OpenAI-compatible endpoint",
                next=f"OPENAI_API_BASE=http://127.0.0.1:PORT/v1 pytest --compile-model {model}",
            )

    @property
    def where(self) -> str:
        """Model and endpoint, for messages."""
        base = self._base if self._is_openai else None
        return f"{self.model} at {shown_endpoint(base)}" if base else self.model

    @property
    def _is_bridge(self) -> bool:
        return self.model.startswith(BRIDGE)

    @property
    def _is_openai(self) -> bool:
        return self._is_bridge or self.model.startswith("openai/")

    def prepare(self) -> None:
        """Import LiteLLM."""
        load_litellm()

    async def ask(self, request: Request) -> Reply:
        """Return the answer to ``request``. Raises ``Fault``."""
        litellm = load_litellm()
        wire = Wire(most_bytes=_ESCAPED * self.max_answer_bytes + _AROUND)
        began_s = time.monotonic()
        async with wire.client(timeout_s=self.timeout_s) as http:
            try:
                async with asyncio.timeout(self.timeout_s):
                    answer = await litellm.acompletion(
                        **self._arguments(request), **self._route(litellm, http)
                    )
            except TimeoutError:
                raise self._hang() from None
            except Exception as error:  # noqa: BLE001 - LiteLLM, the SDKs and httpx throw anything
                raise self._fault(error, wire) from None
        seconds = None if self._is_bridge else round(time.monotonic() - began_s, 3)
        return self._reply(request, answer, seconds)

    def _arguments(self, request: Request) -> dict[str, Any]:
        return {
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            **request.parameters,
            "seed": request.sample,
            "timeout": self.timeout_s,
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": True,  # some models know no seed or no temperature
            "caching": False,
        }

    def _route(self, litellm: Any, http: Any) -> dict[str, Any]:
        """Return where the request goes, and the bounded client it goes through."""
        model = self.model
        if self._is_bridge:
            model = f"openai/{model.removeprefix(BRIDGE)}"
        provider = litellm.get_llm_provider(model)[1]
        if provider == "openai":
            import openai

            base = self._base or "https://api.openai.com/v1"
            # An endpoint of one's own may want no key; the SDK wants some text in any case.
            key = self._key or ("unused" if self._base else None)
            sdk = openai.AsyncOpenAI(api_key=key, base_url=base, http_client=http, max_retries=0)
            return {"model": model, "api_base": base, "api_key": key, "client": sdk}
        if provider in BOUNDED:
            return {"model": model, "client": _handler(http)}
        return {"model": model}

    def _reply(self, request: Request, answer: Any, seconds: float | None) -> Reply:
        choice = answer.choices[0] if answer.choices else None
        text = choice.message.content if choice is not None else None
        if choice is None or not isinstance(text, str) or not text.strip():
            raise Fault(kind=FaultKind.EMPTY, found="an answer without a text")
        try:
            size_bytes = len(text.encode("utf-8"))
        except UnicodeEncodeError:
            raise Fault(kind=FaultKind.JUNK, found="a text with half a surrogate pair") from None
        if size_bytes > self.max_answer_bytes:
            raise self._flood()
        told = getattr(answer, "usage", None)
        size, source = usage_of(
            request,
            text,
            tokens_in=getattr(told, "prompt_tokens", None),
            tokens_out=getattr(told, "completion_tokens", None),
        )
        if choice.finish_reason == "length":
            raise Fault(
                kind=FaultKind.LENGTH,
                found=f"an answer cut at max_tokens ({size_bytes} bytes)",
                next="raise max_tokens, or make the spec smaller",
                paid=size,
            )
        return Reply(
            text=text,
            model=self.model,
            tokens_in=size.tokens_in,
            tokens_out=size.tokens_out,
            usage=source,
            seconds=seconds,
            finish=str(choice.finish_reason or "stop"),
        )

    def _fault(self, error: Exception, wire: Wire) -> Fault:
        """Return what happened, by the wire's own record first and LiteLLM's words second."""
        if wire.flooded:
            return self._flood()
        said = _said(error)
        # A provider outside `BOUNDED` leaves no trace on our wire; LiteLLM's status stands for it.
        status = wire.status if wire.sent else getattr(error, "status_code", None)
        said = f"HTTP {status}: {said}" if wire.status else said
        if status is None:
            kind = FaultKind.UNREACHED if wire.sent else FaultKind.REFUSED
            return Fault(kind=kind, found=said)
        if status in _TRY_AGAIN or status >= 500:  # noqa: PLR2004 - HTTP's server errors
            return Fault(
                kind=FaultKind.BUSY,
                found=said,
                retry_after_s=wire.retry_after_s,
            )
        if status >= 300:  # noqa: PLR2004 - HTTP's redirects and client errors
            return Fault(kind=FaultKind.REFUSED, found=said, next=_mend(status, self))
        if not wire.complete:
            return Fault(kind=FaultKind.CUT, found="a body that ends early")
        return Fault(kind=FaultKind.JUNK, found=f"a body that is no chat completion: {said}")

    def _flood(self) -> Fault:
        return Fault(
            kind=FaultKind.FLOOD,
            found=f"an answer of more than {self.max_answer_bytes} bytes, or compressed",
        )

    def _hang(self) -> Fault:
        return Fault(kind=FaultKind.HANG, found=f"no answer after {self.timeout_s:g} s")


@functools.cache
def load_litellm() -> Any:
    """Return LiteLLM, imported without its network call and told to send and print nothing.

    Raises ``ModelError`` where it is not installed.
    """
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with warnings.catch_warnings():
        # Where a project makes warnings errors, those of LiteLLM's models, which are built at the
        # first answer, would end that call. Only the main thread can hold them back safely.
        warnings.simplefilter("ignore")
        try:
            # The import takes 2.4 s, so only a live run pays for it.
            import litellm
        except ImportError as error:
            raise ModelError(
                where="--compile-model",
                found=f"{error}",
                expected="LiteLLM, which asks the model",
                next="pip install 'pytest-compiledai[llm]'",
            ) from None
        litellm.ModelResponse(choices=[{"message": {"role": "assistant", "content": ""}}])
    _log_nothing()
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    if "LITELLM_LOG" not in os.environ:
        logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    return litellm


def _log_nothing() -> None:
    """Drop what LiteLLM would log after an answer.

    Its one queue for that belongs to one event loop; where a process has several, one a model, it
    prints errors and tasks that were never awaited.
    """
    from litellm.litellm_core_utils import logging_worker

    def drop(async_coroutine: Coroutine[Any, Any, Any]) -> None:
        async_coroutine.close()

    worker: Any = logging_worker.GLOBAL_LOGGING_WORKER
    worker.ensure_initialized_and_enqueue = drop


def _handler(http: Any) -> Any:
    """Return what LiteLLM's own providers take for a client, around ours."""
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

    class Handler(AsyncHTTPHandler):
        """Sends through one client; LiteLLM would try again with one of its own, unbounded."""

        made = False

        def create_client(self, *_: Any, **__: Any) -> Any:
            if self.made:
                raise ConnectionError("asked once")
            self.made = True
            return http

    return Handler()


def shown_endpoint(base: str) -> str:
    """Return an address without user, password, query and fragment."""
    parts = urllib.parse.urlsplit(base)
    host = parts.netloc.rpartition("@")[2]
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))


def _said(error: Exception) -> str:
    """Return an error's first line, without secrets, cut."""
    text = redact(" ".join(str(error).split())) or type(error).__name__
    cut = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
    return "".join(letter if letter.isprintable() else "?" for letter in cut)


def _mend(status: int, client: LiteLLMClient) -> str:
    if status in (401, 403):
        return "check the API key in the environment"
    if status == 404:  # noqa: PLR2004 - HTTP's not found
        return f"check the model's name {client.model} and the endpoint's address"
    return ""
