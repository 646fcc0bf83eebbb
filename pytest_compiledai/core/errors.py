"""Every error this package raises on purpose, in one tree.

CompiledAIError
├── SpecError          a spec, its schema or its golden rows cannot be read
├── SettingsError      an option or a setting is unknown or contradicts another
├── LockError          compiledai.lock cannot be trusted as it stands
├── ArtifactError      files under compiled/ are not what the lock says
├── ModelError         no answer can be had from a language model
│   ├── RecordingMissing   nothing recorded, and no model may be asked
│   ├── BudgetSpent        the next call could exceed a bound
│   └── EndpointFault      the endpoint kept failing, or its answer cannot be used
├── SandboxError       no sandbox passes its probes; nothing is executed
└── ToolError          an analyser is missing, crashed or said something unreadable
"""

from __future__ import annotations

from pytest_compiledai.core.place import Place


class CompiledAIError(Exception):
    """Something a user can mend; takes the facts and renders the one message form.

    The message has four parts: where, what was found, what was expected, what to run next.
    """

    def __init__(self, *, where: Place | str, found: str, expected: str, next: str = "") -> None:  # noqa: A002 - the word of the message form
        self.where = where
        self.found = found
        self.expected = expected
        self.next = next
        super().__init__(self.render())

    def render(self) -> str:
        """Return the message as it is shown."""
        text = f"{self.where}: found {self.found}; expected {self.expected}"
        return f"{text}; next: {self.next}" if self.next else text

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only facts survive pickling between worker processes.
        return (_rebuild, (type(self), str(self.where), self.found, self.expected, self.next))


def _rebuild(
    kind: type[CompiledAIError], where: str, found: str, expected: str, following: str
) -> CompiledAIError:
    return kind(where=where, found=found, expected=expected, next=following)


class SpecError(CompiledAIError):
    """A spec, its schema or its golden rows cannot be read."""


class SettingsError(CompiledAIError):
    """An option or a setting is unknown or contradicts another."""


class LockError(CompiledAIError):
    """The lock cannot be trusted as it stands."""


class ArtifactError(CompiledAIError):
    """Files under ``compiled/`` are not what the lock says."""


class ModelError(CompiledAIError):
    """No answer can be had from a language model."""


class RecordingMissing(ModelError):
    """Nothing is recorded for a request, and no model may be asked."""


class BudgetSpent(ModelError):
    """The next call could exceed a bound the user set."""


class EndpointFault(ModelError):
    """The endpoint kept failing, or its answer cannot be used."""


class SandboxError(CompiledAIError):
    """No sandbox passes its probes, so nothing is executed."""


class ToolError(CompiledAIError):
    """An analyser is missing, crashed, or said something unreadable."""
