"""The readers of files that a repository may bring along, as `bench.readers` calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pytest_compiledai.core.canonical import digest
from pytest_compiledai.core.document import is_spec
from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.entry import Entry
from pytest_compiledai.core.errors import LockError
from pytest_compiledai.core.golden import Shares
from pytest_compiledai.core.golden import read_golden
from pytest_compiledai.core.journal import Journal
from pytest_compiledai.core.journal import Move
from pytest_compiledai.core.journal import read_journal
from pytest_compiledai.core.kind import Project
from pytest_compiledai.core.lock import Lock
from pytest_compiledai.core.lock import read_lock
from pytest_compiledai.core.lock import render
from pytest_compiledai.core.schema import Schema
from pytest_compiledai.core.strictjson import StrictJSONError
from pytest_compiledai.core.strictjson import read_json
from pytest_compiledai.counterexamples import KEY
from pytest_compiledai.counterexamples import recall
from pytest_compiledai.functions.capabilities import read_table
from pytest_compiledai.functions.reference import _stored
from pytest_compiledai.functions.reference import parse_answers
from pytest_compiledai.functions.spec import read_function_spec
from pytest_compiledai.llm.recording import Recordings
from pytest_compiledai.llm.recording import _exchange
from pytest_compiledai.llm.request import Message
from pytest_compiledai.llm.request import Reply
from pytest_compiledai.llm.request import Request
from pytest_compiledai.runtime import loader
from pytest_compiledai.trust import Policy
from pytest_compiledai.trust import Trust
from pytest_compiledai.trust import read_signature
from pytest_compiledai.trust import signed_revision

ROOT = Path(__file__).parents[1]
LOCK = b"lock-version = 1\n"
SIGNER = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
SMALL = 12_000  # bytes of a seed; longer ones are cut at a line

GATES = ("security@1", "syntax@1", "execution@1", "accuracy@1", "latency@1", "fuzz@1")
INPUT = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "maxLength": 200, "pattern": "^[a-z]*$"},
        "when": {"type": "string", "format": "date"},
        "items": {"type": "array", "items": {"type": ["number", "null"]}, "uniqueItems": True},
        "plan": {"enum": ["free", "pro", 1]},
        "size": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
    },
    "required": ["text"],
}
OUTPUT = {"type": "object", "properties": {"n": {"type": "number", "multipleOf": 0.5}}}
ROWS = [
    {"id": "a", "input": {"text": "abc", "items": [1, 2.5, None]}, "output": {"n": 1.5}},
    {
        "id": "b",
        "input": {"text": "", "plan": 1},
        "output": {"n": -2},
        "group": "g",
        "split": "train",
    },
    {
        "id": "c",
        "input": {"text": "z", "when": "2024-02-29", "size": 3},
        "output": {},
        "split": "test",
    },
]
SPEC = """\
compiledai: 1
kind: function
name: double
description: Return twice the number n.
input: {type: object, properties: {n: {type: integer, minimum: -1000}}, required: [n]}
output:
  type: object
  properties:
    m: {type: [integer, "null"]}
    d: {type: string, format: date, pattern: "^[0-9-]{1,10}$"}
  required: [m]
golden: double.jsonl
candidate: double.py
capabilities: [clock]
gates:
  syntax: {mypy: strict, complexity: 15}
  accuracy:
    threshold: 0.95
    metric: {m: exact}
    split: {train: 0.5, validation: 0.2, test: 0.3}
  latency: {p50_ms: 50, p99_ms: 500}
  fuzz: {examples: 10, reference: "ref.py:answer", agreement: 0.9}
attempts: 3
timeout: 60
fallback: none
"""


class Surroundings:
    """A folder with the files that readers look for, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.request = Request(
            messages=(Message(role="user", content="a\nb"),),
            parameters={"temperature": 0},
            sample=0,
        )
        recordings = Recordings(folder / "recordings")
        self.reply = Reply(
            text="def f():\n    pass", model="some/model", tokens_in=3, tokens_out=4,
            usage="reported", seconds=None, finish="stop",
        )  # fmt: skip
        recordings.store(self.request, self.reply)
        self.recording = recordings.path(self.request.key, self.reply.model)
        self.reference = folder / "recordings" / "x.reference.json"
        self.reference.write_text('{"examples": [{"n": 1}, {"n": 2}]}')
        self.cache = folder / ".pytest_cache" / "v" / KEY
        self.cache.parent.mkdir(parents=True)
        self.cache.write_text('{"x": {"spec": "specs/x.yaml", "input": {"n": 1}}}')
        self.specs = folder / "specs"
        self.specs.mkdir()
        rows = [{"id": str(n), "input": {"n": n}, "output": {"m": n}} for n in range(4)]
        (self.specs / "double.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        (self.specs / "double.py").write_text("def double(data):\n    return data\n")
        (self.specs / "ref.py").write_text("def answer(data):\n    return data\n")
        self.signature = folder / "compiledai.lock.sig"
        self.signature.write_bytes(b"")
        self.project = Project(root=folder, grants={"*": frozenset({"clock"})})
        self.input = Schema.parse(INPUT, _nowhere, closed=False)
        self.output = Schema.parse(OUTPUT, _nowhere, closed=True)
        self.shares = Shares(train=0.5, validation=0.2, test=0.3)


def _nowhere(*_: Any) -> Any:
    return "schema"


@dataclass(frozen=True)
class Reader:
    """One reader: how it is called, what it starts from, and which errors are its own."""

    read: Callable[[bytes, Surroundings], object]
    seeds: Callable[[Surroundings], list[bytes]]
    tokens: tuple[bytes, ...] = ()
    own: tuple[type[Exception], ...] = ()
    share: int = 80  # inputs in a round; cheap readers get more


def _documents(data: bytes, _: Surroundings) -> object:
    is_spec(data)
    return read_documents(data, "specs/x.yaml")


def _spec(data: bytes, at: Surroundings) -> object:
    return [read_function_spec(d, at.project) for d in read_documents(data, "specs/x.yaml")]


def _golden(data: bytes, at: Surroundings) -> object:
    return read_golden(data, "x.jsonl", input=at.input, output=at.output, shares=at.shares)


def _loader(data: bytes, _: Surroundings) -> object:
    """Read a lock as production does, and compare what it trusts with the strict reader."""
    tables = loader._split(data)
    loader._tables.clear()
    loader._entries.clear()
    loader._tables.update(tables)
    trusted = {}
    for name in sorted(tables):
        try:
            trusted[name] = loader._entry(name)
        except loader.IntegrityError:
            continue
    return _agreed(data, trusted)


def _agreed(data: bytes, trusted: dict[str, Any]) -> object:
    """Return ``trusted``, whose files have to be those that the strict reader sees."""
    try:
        entries = read_lock(data, "compiledai.lock").lock.entries
    except LockError:
        return trusted
    for name in set(entries) & set(trusted):
        if dict(entries[name].files) != trusted[name]["files"]:
            raise AssertionError(f"loader and reader see other files of {name}")
    return trusted


def _from_file(
    place: str, call: Callable[[Surroundings], object]
) -> Callable[[bytes, Surroundings], object]:
    def read(data: bytes, at: Surroundings) -> object:
        getattr(at, place).write_bytes(data)
        return call(at)

    return read


def _signature_seeds(_: Surroundings) -> list[bytes]:
    public = SIGNER.public_key().public_bytes_raw().hex()
    head = f"compiledai-signature 1\nlock {digest(LOCK)}\nrevision 7\nkey {public}\n"
    return [f"{head}signature {SIGNER.sign(head.encode()).hex()}\n".encode()]


def _signed(at: Surroundings) -> object:
    public = SIGNER.public_key().public_bytes_raw().hex()
    trust = Trust(policy=Policy.REQUIRED, keys=frozenset([public]), minimum=7)
    lock = at.folder / "compiledai.lock"
    signed_revision(read_signature(lock))
    return trust.check(lock, LOCK, "compiledai.lock")


def _text(call: Callable[[str], object]) -> Callable[[bytes, Surroundings], object]:
    return lambda data, _: call(data.decode("utf-8", "replace"))


def _files(pattern: str) -> list[bytes]:
    return [_short(path.read_bytes()) for path in sorted(ROOT.glob(pattern))]


def _short(data: bytes) -> bytes:
    return data if len(data) <= SMALL else data[: data.rfind(b"\n", 0, SMALL) + 1]


def _lock_seeds(_: Surroundings) -> list[bytes]:
    def entry(name: str, kind: str, *paths: str) -> Entry:
        return Entry(
            name=name, kind=kind, spec=f"specs/{name}.yaml", files=dict.fromkeys(paths, "a" * 64),
            source="b" * 64, evidence="c" * 64, proposer="some/model", attempts=1,
            target="python>=3.11", gates=GATES, off=("fuzz",), capabilities=("clock", "call:x"),
        )  # fmt: skip

    entries = {
        "route": entry("route", "function", "route.py"),
        "bot": entry("bot", "dialogue", "bot/a.json", "bot/b/c.txt"),
    }
    some = {"route": entries["route"]}
    return [
        render(Lock()),
        render(Lock(entries=some)),
        render(Lock(entries=dict(sorted(entries.items())))),
    ]


def _journal_seeds(_: Surroundings) -> list[bytes]:
    move = Move(staged="0", target="a.py", sha256="a" * 64)
    return [
        Journal(files=(move,), removed=("b/c", "b.py"), old="", new="b" * 64).render(),
        Journal(files=(), removed=(), old="a" * 64, new="b" * 64).render(),
    ]


#: Words between bars.
_YAML = (
    rb"compiledai: 1|---|...|&a|*a|<<: *a|!!python/object:os.system|!t|%YAML 1.1|? |>|2-|- "
    rb"|: |name: x"
    rb"|type:|pattern: '(a+)+$'|enum: []|minimum: 1e999|off|accuracy: off|security: off"
    rb'|golden: ../../x|candidate: /dev/zero|"\uD800"|"\U00110000"|capabilities: [module:os]'
)
_TOML = (
    b'[artifact."a"]|[artifact.b]|[[artifact]]|lock-version = 1|lock-version = 2|"""|\'\'\'|{}'
    b'|{"a.py" = |a.b.c = 1|inf|nan|1979-05-27T07:32:00Z|0b1|=======|<<<<<<< x|"load"|"../a.py"'
    b'|"con.py"'
)
_GOLDEN_WORDS = (
    b'"id"',
    b'"split": "test"',
    b'"group": ""',
    b'{"id": "a"}\n',
    b"\n\n",
    b"[1, 1, 1.0, true]",
)

READERS: dict[str, Reader] = {
    "yaml": Reader(
        _documents,
        lambda _: [SPEC.encode(), *_files("examples/*/*.yaml")],
        tuple(_YAML.split(b"|")),
        share=20,
    ),
    "spec": Reader(_spec, lambda _: [SPEC.encode()], tuple(_YAML.split(b"|")), share=20),
    "golden": Reader(
        _golden,
        lambda _: [
            "".join(f"{json.dumps(row)}\n" for row in ROWS).encode(),
            *_files("fixtures/*.jsonl")[:3],
        ],
        _GOLDEN_WORDS,
    ),
    "lock": Reader(
        lambda data, _: read_lock(data, "compiledai.lock"),
        _lock_seeds,
        tuple(_TOML.split(b"|")),
        share=60,
    ),
    "loader": Reader(
        _loader, _lock_seeds, tuple(_TOML.split(b"|")), own=(loader.IntegrityError,), share=60
    ),
    "recording": Reader(
        _from_file("recording", lambda at: _exchange(at.recording, at.request.key)),
        lambda at: [at.recording.read_bytes(), *_files("examples/function/recordings/*.json")[:3]],
    ),
    "reference": Reader(
        _from_file("reference", lambda at: _stored(at.reference)),
        lambda at: [
            at.reference.read_bytes(),
            *_files("examples/function/recordings/*.reference.json"),
        ],
    ),
    "answers": Reader(
        _text(lambda text: parse_answers(text, 2, where="the reference of x")),
        lambda _: [b'[{"a": 1}, {"b": [2]}]', b'```json\n[1, "x"]\n```', b"Here: [1, 2] done."],
    ),
    "calls": Reader(
        lambda data, _: read_table(data, "x.jsonl"),
        lambda _: [b'{"input": "EUR", "output": 1}\n{"input": {"a": [1]}, "output": null}\n'],
    ),
    "json": Reader(
        _text(read_json), lambda _: [json.dumps(ROWS).encode(), b'{"a": 1}'], own=(StrictJSONError,)
    ),
    "signature": Reader(
        _from_file("signature", _signed),
        _signature_seeds,
        (b"revision 99", b"key ", b"lock "),
        share=20,
    ),
    "journal": Reader(lambda data, _: read_journal(data), _journal_seeds),
    "counterexample": Reader(
        _from_file("cache", lambda at: recall(at.folder, "x")),
        lambda at: [at.cache.read_bytes()],
        share=40,
    ),
}
