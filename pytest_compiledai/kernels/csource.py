"""The security gate of C++ and CUDA candidates: a small lexer and an allow-list of words.

It reads tokens, not C++: what a token could hide (a macro, an attribute, an operator of one's own,
a static object, a string) is refused as a form, so that no meaning has to be worked out. So is what
the compiler takes for other tokens than those read here: a spliced line, a digraph, a trigraph, a
directive behind anything but blanks.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from pytest_compiledai.core.verdict import Finding
from pytest_compiledai.kernels.candidate import Candidate
from pytest_compiledai.kernels.policy import policy
from pytest_compiledai.kernels.policy import reason

_TOKEN = re.compile(
    r"(?P<directive>^[^\S\n]*\#[^\n]*)|(?P<space>[^\S\n]+|\n)|(?P<comment>//[^\n]*|/\*.*?\*/)"
    r'|(?P<string>"[^"\n]*"|\'[^\'\n]*\')|(?P<word>[A-Za-z_]\w*)'
    r"|(?P<number>\.?\d(?:[\w.]|(?<=[eEpP])[+-])*)|(?P<mark>::|->|<<<|>>>|\[\[|[^\s\w])",
    re.DOTALL | re.MULTILINE,
)
_INCLUDE = re.compile(r"\s*#\s*include\s*<([\w.]+)>\s*\Z")
_PRAGMA = re.compile(r"\s*#\s*pragma\s+([\w ]+?)(?:\s+\d+)?\s*\Z")


#: A line that the compiler joins to the next, and other spellings of ``#``, ``[`` and braces.
_SPLICE = re.compile(r"\\\s*?\n")
_RESPELLED = ("%:", "<:", ":>", "<%", "%>", "??")

#: What stands in no list of a template's arguments, and after a ``<`` that compares.
_NO_ARGUMENT = frozenset(";{}?|=")

#: What opens a block of further definitions and no function.
_BLOCKS = (["extern", '"C"'], ["namespace"])


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def findings(candidate: Candidate) -> list[Finding]:
    """Return everything that is not allowed, in the order of the text."""
    source = candidate.source
    if len(source.encode()) > policy()["most_bytes"]:
        return [_finding("security.text", 0, f"{len(source)} characters", "a kernel's size")]
    tokens = list(_tokens(source))
    code = [token for token in tokens if token.kind not in ("space", "comment", "directive")]
    cuda = candidate.language == "cuda"
    functions = _functions(code)
    inner = _of_this_file(code)
    code = [token for token in code if id(token) not in inner]
    found = [
        *_directives(tokens, cuda=cuda),
        *_words(code, {*functions, *_lambdas(code)}, cuda=cuda),
        *_outside(code, cuda=cuda),
        *_marks(code),
        *_respelled(tokens),
        *_launched(candidate, functions),
    ]
    return sorted(set(found), key=lambda finding: (finding.line, finding.rule, finding.message))


def _tokens(source: str) -> Iterator[_Token]:
    line, at = 1, 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:  # the last alternative takes any character
            raise AssertionError(source[at : at + 20])
        yield _Token(match.lastgroup or "", match[0], line)
        line += match[0].count("\n")
        at = match.end()


def _directives(tokens: list[_Token], *, cuda: bool) -> Iterator[Finding]:
    lists = policy()["c"]
    includes = {*lists["includes"], *(lists["cuda_includes"] if cuda else ())}
    for token in tokens:
        if _SPLICE.search(token.text + "\n") and token.kind in ("comment", "directive"):
            yield _finding("security.directive", token.line, "a spliced line", "whole lines")
        if token.kind != "directive":
            continue
        include, pragma = _INCLUDE.match(token.text), _PRAGMA.match(token.text)
        if include and include[1] in includes:
            continue
        if pragma and pragma[1].strip() in lists["pragmas"]:
            continue
        rule = "security.include" if "include" in token.text else "security.directive"
        words = re.findall(r"\w+", token.text)
        rule = next((r for word in words if (r := reason(word, ""))), rule)
        yield _finding(rule, token.line, token.text.strip()[:60], "a header of the allow-list")


def _words(code: list[_Token], own: set[str], *, cuda: bool) -> Iterator[Finding]:
    lists = policy()["c"]
    calls = {*lists["calls"], *own, *(lists["cuda_calls"] if cuda else ())}
    words = {*lists["keywords"], *calls, *(lists["cuda_words"] if cuda else ())}
    for place, token in enumerate(code):
        following = _behind(code, place)
        if token.kind == "string" and token.text != '"C"':
            yield _finding("security.string", token.line, token.text[:40], "numbers")
        if token.kind != "word":
            continue
        name = token.text
        if name in lists["refused"] and name not in own:
            rule = reason(name, "security.keyword")
            yield _finding(rule, token.line, name, "plain functions over plain arrays")
        elif name.startswith("__") and name not in words:
            yield _finding(reason(name, "security.name"), token.line, name, "a listed intrinsic")
        elif following.text == "(" and name not in words:
            expected = "a function of this file or of the allow-list"
            yield _finding(reason(name, "security.call"), token.line, f"call of {name}", expected)
        elif reason(name, "") and following.text == "::" and name not in words:
            yield _finding(reason(name, ""), token.line, name, "plain arithmetic")


def _behind(code: list[_Token], place: int) -> _Token:
    """Return the token behind a name, or behind its template's arguments where a call follows."""
    nothing = _Token("", "", 0)
    following = code[place + 1] if place + 1 < len(code) else nothing
    if following.text != "<":
        return following
    depth = 0
    for at in range(place + 1, len(code)):
        depth += {"<": 1, ">": -1}.get(code[at].text, 0)
        if depth == 0:
            opens = code[at + 1] if at + 1 < len(code) else nothing
            return opens if opens.text == "(" else following
        if code[at].text in _NO_ARGUMENT:
            break
    return following


def _marks(code: list[_Token]) -> Iterator[Finding]:
    before = ""
    for token in code:
        if token.kind == "mark" and (token.text in "\\@$`#" or not token.text.isascii()):
            yield _finding("security.text", token.line, token.text, "plain C++")
        if token.text == "[[" or (before, token.text) == ("[", "["):
            yield _finding("security.keyword", token.line, "[[", "functions without attributes")
        if token.text in ("<<<", ">>>"):
            yield _finding("security.stream", token.line, token.text, "no launch from a kernel")
        if token.text == '"C"' and before != "extern":
            yield _finding("security.string", token.line, token.text, 'extern "C"')
        before = token.text


def _respelled(tokens: list[_Token]) -> Iterator[Finding]:
    for token, following in itertools.pairwise(tokens):
        both = token.text + following.text
        if token.kind == following.kind == "mark" and both in _RESPELLED:
            yield _finding("security.text", token.line, both, "the mark it stands for")


def _outside(code: list[_Token], *, cuda: bool) -> Iterator[Finding]:
    """Look at what stands outside of every function: no object that could keep anything."""
    for statement, opens in _statements(code):
        words = [token.text for token in statement]
        line = statement[0].line
        if opens and words in _BLOCKS:
            continue
        if opens and "(" in words and not ("=" in words and words.index("=") < words.index("(")):
            if cuda and not {"__global__", "__device__"} & set(words):
                yield _finding("security.wrapper", line, "a host function", "kernels alone")
            continue
        if words[0] in ("using", "static_assert") or "constexpr" in words[:2]:
            continue
        if not opens and "(" in words and "=" not in words:
            continue  # a prototype
        expected = "constexpr numbers and functions"
        yield _finding("security.state", line, " ".join(words[:6])[:60], expected)


def _statements(code: list[_Token]) -> Iterator[tuple[list[_Token], bool]]:
    """Yield the statements outside of functions, and whether a brace opens behind each."""
    statement: list[_Token] = []
    depth = 0
    for token in code:
        if depth:
            depth += {"{": 1, "}": -1}.get(token.text, 0)
            continue
        if token.text == "}":
            continue  # of extern "C"
        if token.text == ";":
            if statement:
                yield statement, False
            statement = []
        elif token.text == "{":
            if statement:
                yield statement, True
            words = [item.text for item in statement]
            depth = 0 if words in _BLOCKS else 1
            statement = []
        else:
            statement.append(token)
    if statement:
        yield statement, False


def _functions(code: list[_Token]) -> dict[str, list[_Token]]:
    """Return the functions that the file defines, by name, with the tokens of their heads."""
    found: dict[str, list[_Token]] = {}
    for statement, opens in _statements(code):
        words = [token.text for token in statement]
        if not opens or "(" not in words:
            continue
        names = [
            token.text
            for token, following in itertools.pairwise(statement)
            if token.kind == "word" and following.text == "(" and token.text[:2] != "__"
        ]
        if names:
            found[names[0]] = statement
    return found


def _of_this_file(code: list[_Token]) -> set[int]:
    """Return the ``static`` of functions' heads, by identity: such a function keeps nothing."""
    return {
        id(token)
        for statement, opens in _statements(code)
        if opens and "(" in [token.text for token in statement]
        for token in itertools.takewhile(lambda token: token.text != "(", statement)
        if token.text == "static"
    }


def _lambdas(code: list[_Token]) -> set[str]:
    """Return the names of functions inside of functions: ``auto name = [``."""
    return {
        name.text
        for kind, name, sign, opens in zip(code, code[1:], code[2:], code[3:], strict=False)
        if (kind.text, sign.text, opens.text) == ("auto", "=", "[")
    }


def _launched(candidate: Candidate, functions: dict[str, list[_Token]]) -> Iterator[Finding]:
    for launch in candidate.launches:
        head = functions.get(launch.kernel)
        if head is None:
            yield _finding("security.launch", 0, f"kernel {launch.kernel}", "one of this file")
            continue
        words = [token.text for token in head]
        start = words.index(launch.kernel) + 1
        count = words[start:].count(",") + 1
        if count != len(launch.arguments):
            found = f"{len(launch.arguments)} arguments"
            yield _finding("security.launch", head[0].line, found, f"the {count} of its head")


def _finding(rule: str, line: int, found: str, expected: str) -> Finding:
    where = f"line {line}: " if line else ""
    return Finding(rule=rule, message=f"{where}found {found}; expected {expected}", line=line)
