"""Why no artifact can be made of a reply: a finding that goes back to whoever wrote it."""

from __future__ import annotations

from pytest_compiledai.core.verdict import Finding


class TemplateError(ValueError):
    """A reply that no artifact can be made of; its finding goes back to whoever wrote it."""

    def __init__(self, rule: str, *, found: str, expected: str, line: int = 0) -> None:
        where = f"line {line}: " if line else ""
        super().__init__(f"{where}found {found}; expected {expected}")
        self.finding = Finding(rule=f"syntax.{rule}", message=str(self), line=line)

    @classmethod
    def of(cls, finding: Finding) -> TemplateError:
        """Return the error that carries a finding of the security policy."""
        error = cls("reply", found="", expected="")
        error.args = (finding.message,)
        error.finding = finding
        return error
