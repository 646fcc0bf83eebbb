"""Rows that rest on a literal of their own are memory, however the code hides it."""

from __future__ import annotations

from zlib import crc32

import pytest

from pytest_compiledai.core.calls import Program
from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.golden import Row
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.split import Split
from pytest_compiledai.gates.accuracy import policy
from pytest_compiledai.gates.resting import resting
from pytest_compiledai.sandbox.native import NativeSandbox

LAST = [
    "Adams",
    "Baker",
    "Clark",
    "Davis",
    "Evans",
    "Frank",
    "Ghosh",
    "Hills",
    "Irwin",
    "Jones",
    "Klein",
    "Lopez",
    "Mason",
    "Nolan",
]
NAMES = [f"{first} {last}" for first, last in zip(LAST, reversed(LAST), strict=True)]
TOLD = "A code of a name: its last word's first three letters, and the sum of its characters."


def code_of(name):
    return name.split()[1][:3].upper() + str(sum(map(ord, name)) % 1000).zfill(3)


def row(name):
    data = {"name": name}
    return Row(
        id=name,
        input=data,
        output={"code": code_of(name)},
        split=Split.TRAIN,
        place=Place(path="codes.jsonl", line=1),
        key=canonical_json(data),
    )


@pytest.fixture(scope="module")
def sandbox():
    made = NativeSandbox()
    yield made
    made.close()


def judged(sandbox, source, told=TOLD):
    program = Program(source=source.encode(), function="code")
    rows = [row(name) for name in NAMES]
    with sandbox.open(program) as session:
        answers = session.call([item.key for item in rows])
    assert [answer.status.value for answer in answers] == ["value"] * len(rows), answers[0]
    return resting(
        sandbox=sandbox,
        program=program,
        rows=rows,
        answers={item.id: answer for item, answer in zip(rows, answers, strict=True)},
        told=told,
        rules=policy(),
    )


def spun(text):
    return "".join(chr(ord(char) + 1) for char in text)


def half(name):
    return int.from_bytes(name[:2].encode(), "big") << 10 | int(code_of(name)[3:])


def lettered(name):
    return spun(name[:2]) + "".join("qwertyuiop"[int(digit)] for digit in code_of(name)[3:])


PAIRS = list(zip(NAMES[::2], NAMES[1::2], strict=True))
LOOKED_UP = """
TABLE = {table!r}

def code(data):
    found = TABLE.get({key})
    if found is None:
        raise Abstain("unknown")
    return {{"code": {value}}}
"""
DISGUISED = {
    "reversed": LOOKED_UP.format(
        table={name[::-1]: code_of(name)[::-1] for name in NAMES},
        key='data["name"][::-1]',
        value="found[::-1]",
    ),
    "letters moved on": LOOKED_UP.format(
        table={spun(name): spun(code_of(name)) for name in NAMES},
        key='"".join(chr(ord(c) + 1) for c in data["name"])',
        value='"".join(chr(ord(c) - 1) for c in found)',
    ),
    "checksums": "import zlib\n"
    + LOOKED_UP.format(
        table={crc32(name.encode()) % 9973: int(code_of(name)[3:]) * 7 for name in NAMES},
        key='zlib.crc32(data["name"].encode()) % 9973',
        value='data["name"].split()[1][:3].upper() + str(found // 7).zfill(3)',
    ),
    "prefixes": LOOKED_UP.format(
        table={name[:3]: int(code_of(name)[3:]) * 7 + 3 for name in NAMES},
        key='data["name"][:3]',
        value='data["name"].split()[1][:3].upper() + str((found - 3) // 7).zfill(3)',
    ),
    "branches of a match": "def code(data):\n    name = data['name']\n    match name[2:6]:\n"
    + "".join(
        f"        case {name[2:6]!r}:\n            found = {int(code_of(name)[3:]) + 4096}\n"
        for name in NAMES
    )
    + "    return {'code': name.split()[1][:3].upper() + str(found - 4096).zfill(3)}\n",
    "one long text": "TEXT = "
    + repr(" ".join(f"{name[:3]}{code_of(name)[3:]}" for name in NAMES))
    + "\n\ndef code(data):\n    name = data['name']\n    at = TEXT.index(name[:3]) + 3\n"
    "    return {'code': name.split()[1][:3].upper() + TEXT[at : at + 3]}\n",
    "one long number": "DIGITS = "
    + repr("".join(code_of(name)[3:] for name in sorted(NAMES)))
    + f"\nFIRST = {''.join(sorted(name[0] for name in NAMES))!r}\n"
    "\ndef code(data):\n    name = data['name']\n    at = 3 * FIRST.index(name[0])\n"
    "    return {'code': name.split()[1][:3].upper() + DIGITS[at : at + 3]}\n",
    "two rows in a number": f"TABLE = {[half(a) << 30 | half(b) for a, b in PAIRS]}\n"
    "\ndef code(data):\n    name = data['name']\n    key = int.from_bytes(name[:2].encode(), 'big')\n"
    "    halves = [half for two in TABLE for half in (two >> 30, two & (1 << 30) - 1)]\n"
    "    found = [half & 1023 for half in halves if half >> 10 == key]\n"
    "    return {'code': name.split()[1][:3].upper() + str(found[0]).zfill(3)}\n",
    "two rows in a text": f"TABLE = {[lettered(a) + lettered(b) for a, b in PAIRS]}\n"
    "\ndef code(data):\n    name = data['name']\n    key = ''.join(chr(ord(c) + 1) for c in name[:2])\n"
    "    halves = [half for two in TABLE for half in (two[:5], two[5:])]\n"
    "    digits = {half[:2]: [str('qwertyuiop'.index(c)) for c in half[2:]] for half in halves}\n"
    "    return {'code': name.split()[1][:3].upper() + ''.join(digits[key])}\n",
    "bytes of one number": "TABLE = "
    + str(int.from_bytes("".join(name[:2] + code_of(name)[3:] for name in NAMES).encode(), "big"))
    + f"\n\ndef code(data):\n    text = TABLE.to_bytes({5 * len(NAMES)}, 'big').decode()\n"
    "    name = data['name']\n    at = text.index(name[:2]) + 2\n"
    "    return {'code': name.split()[1][:3].upper() + text[at : at + 3]}\n",
    "the fixed part of an f-string": LOOKED_UP.replace("TABLE = {table!r}", "")
    .format(key="0", value="found")
    .replace("TABLE.get(0)", "looked_up(data['name'])")
    + "\ndef looked_up(name):\n    zero = 0\n    table = f'{zero}|"
    + "|".join(lettered(name) for name in NAMES)
    + "'\n    for part in table.split('|'):\n        if part[:2] == ''.join(chr(ord(c) + 1) for c in name[:2]):\n"
    "            digits = ''.join(str('qwertyuiop'.index(c)) for c in part[2:])\n"
    "            return name.split()[1][:3].upper() + digits\n",
    "keys of mapping patterns": "def code(data):\n    name = data['name']\n    match {name[:2]: 1}:\n"
    + "".join(
        f"        case {{{name[:2]!r}: _}}:\n            found = {int(code_of(name)[3:]) % 2}\n"
        for name in NAMES
    )
    + "    odd = sum(map(ord, name)) % 1000\n"
    "    return {'code': name.split()[1][:3].upper() + str(odd - odd % 2 + found).zfill(3)}\n",
    "imaginary numbers": f"TABLE = ({', '.join(f'{half(name)}j' for name in NAMES)})\n"
    "\ndef code(data):\n    name = data['name']\n    key = int.from_bytes(name[:2].encode(), 'big')\n"
    "    found = [int(n.imag) & 1023 for n in TABLE if int(n.imag) >> 10 == key]\n"
    "    return {'code': name.split()[1][:3].upper() + str(found[0]).zfill(3)}\n",
    "keywords": f"TABLE = dict({', '.join(f'{lettered(name)}=1' for name in NAMES)})\n"
    "\ndef code(data):\n    name = data['name']\n    key = ''.join(chr(ord(c) + 1) for c in name[:2])\n"
    "    (found,) = [word[2:] for word in TABLE if word[:2] == key]\n"
    "    digits = ''.join(str('qwertyuiop'.index(c)) for c in found)\n"
    "    return {'code': name.split()[1][:3].upper() + digits}\n",
    "names of fields, two rows each": "from typing import NamedTuple\n\nclass Table(NamedTuple):\n"
    + "".join(f"    {lettered(a)}{lettered(b)}: int = 0\n" for a, b in PAIRS)
    + "\ndef code(data):\n    name = data['name']\n    key = ''.join(chr(ord(c) + 1) for c in name[:2])\n"
    "    halves = [half for two in Table._fields for half in (two[:5], two[5:])]\n"
    "    (found,) = [half[2:] for half in halves if half[:2] == key]\n"
    "    digits = ''.join(str('qwertyuiop'.index(c)) for c in found)\n"
    "    return {'code': name.split()[1][:3].upper() + digits}\n",
    "hints": "from __future__ import annotations\nfrom typing import Literal\nimport dataclasses\n"
    "\n@dataclasses.dataclass\nclass Table:\n    x: Literal["
    + ", ".join(repr(lettered(name)) for name in NAMES)
    + "] = ''\n\ndef code(data):\n    name = data['name']\n    key = ''.join(chr(ord(c) + 1) for c in name[:2])\n"
    "    text = dataclasses.fields(Table)[0].type\n    at = text.index(chr(39) + key) + 3\n"
    "    digits = ''.join(str('qwertyuiop'.index(c)) for c in text[at : at + 3])\n"
    "    return {'code': name.split()[1][:3].upper() + digits}\n",
    "names of functions": "".join(f"def {lettered(name)}():\n    pass\n" for name in NAMES)
    + f"\nTABLE = ({', '.join(map(lettered, NAMES))})\n"
    "\ndef code(data):\n    name = data['name']\n    key = ''.join(chr(ord(c) + 1) for c in name[:2])\n"
    "    (found,) = [f.__name__[2:] for f in TABLE if f.__name__[:2] == key]\n"
    "    digits = ''.join(str('qwertyuiop'.index(c)) for c in found)\n"
    "    return {'code': name.split()[1][:3].upper() + digits}\n",
    "kept twice": f"FIRST = { {half(name) * 3: 7 for name in NAMES} }\n"
    f"SECOND = { {half(name) * 5: 7 for name in NAMES} }\n"
    "\ndef code(data):\n    name = data['name']\n    key = int.from_bytes(name[:2].encode(), 'big')\n"
    "    found = [n // 3 & 1023 for n in FIRST if n // 3 >> 10 == key]\n"
    "    found += [n // 5 & 1023 for n in SECOND if n // 5 >> 10 == key]\n"
    "    total = sum(map(ord, name)) % 1000\n"
    "    return {'code': name.split()[1][:3].upper() + str(total if total in found else 0).zfill(3)}\n",
    "groups of a pattern": "import re\n\nFOUND = re.compile("
    + repr("|".join(f"({name[:4]})" for name in NAMES))
    + f")\nCODES = {[int(code_of(name)[3:]) ^ 511 for name in NAMES]!r}\n"
    "\ndef code(data):\n    name = data['name']\n    at = FOUND.match(name).lastindex - 1\n"
    "    return {'code': name.split()[1][:3].upper() + str(CODES[at] ^ 511).zfill(3)}\n",
}


@pytest.mark.parametrize("how", DISGUISED)
def test_a_table_in_disguise_is_memory(sandbox, how) -> None:
    """However keys and answers are written, each row has a literal that no other row needs."""
    (finding,) = judged(sandbox, DISGUISED[how])

    assert finding.rule == "accuracy.memorised"
    expected = "run as a function" if how == "hints" else "of 14 golden rows that rest on a literal"
    assert expected in finding.message


HONEST = {
    "a rule": """
def code(data):
    name = data["name"]
    return {"code": name.split()[1][:3].upper() + str(sum(map(ord, name)) % 1000).zfill(3)}
""",
    "weights that all rows need": f"""
TABLE = {tuple(range(17, 57))!r}

def code(data):
    name = data["name"]
    total = sum(ord(c) for c in name) + 0 * sum(TABLE)
    return {{"code": name.split()[1][:3].upper() + str(total % 1000).zfill(3)}}
""",
    "words that the rows show": "def code(data):\n    name = data['name']\n    count = 0\n"
    + "".join(f"    count += name.startswith({word!r})\n" for word in LAST)
    + "    total = sum(map(ord, name)) + (0 if count else 7)\n"
    "    return {'code': name.split()[1][:3].upper() + str(total % 1000).zfill(3)}\n",
    "negative numbers in a pattern, texts in an f-string": "def code(data):\n"
    "    name = data['name']\n    match -len(name):\n"
    + "".join(f"        case -{number}:\n            pass\n" for number in range(2, 14))
    + "    text = f'{name.split()[1][:3].upper()!s:>3}|{sum(map(ord, name)) % 1000:03}'\n"
    "    return {'code': f'{text}'.replace('|', '')}\n",
    "fields that are read by their names": "import dataclasses\n\n@dataclasses.dataclass\n"
    "class Sums:\n    first: int\n    last: int\n    title: str = 'x'\n"
    "\ndef code(data):\n    first, last = data['name'].split()\n"
    "    made = Sums(first=sum(map(ord, first)), last=sum(map(ord, last)))\n"
    "    total = sum(n for key, n in dataclasses.asdict(made).items() if key != 'title') + 32\n"
    "    return {'code': last[:3].upper() + str(total % 1000).zfill(3)}\n",
    "a rule that is written twice": "import re\n\nFIRST = re.compile("
    + repr("|".join(f"([A-M]+{letter}x?)" for letter in "abcdefghijklmnopqrst"))
    + ", re.I)\nSECOND = re.compile("
    + repr("|".join(f"([A-M]+{letter}z?)" for letter in "abcdefghijklmnopqrst"))
    + ", re.I)\n"
    "\ndef code(data):\n    name = data['name']\n    found = FIRST.search(name) or SECOND.search(name)\n"
    "    total = sum(map(ord, name)) + (0 if found else 7)\n"
    "    return {'code': name.split()[1][:3].upper() + str(total % 1000).zfill(3)}\n",
    "a table of the world": LOOKED_UP.format(
        table={name: code_of(name) for name in NAMES}
        | {f"Other {number}": f"OTH{number:03}" for number in range(20)},
        key='data["name"]',
        value="found",
    ),
}


@pytest.mark.parametrize("how", HONEST)
def test_a_rule_is_no_memory(sandbox, how) -> None:
    """What many rows need, and a table that holds far more than the rows, is knowledge."""
    assert judged(sandbox, HONEST[how]) == ()


def test_what_the_spec_tells_is_no_memory(sandbox) -> None:
    """A table that the description states may stand in the code."""
    told = " ".join(f"{name}: {code_of(name)}" for name in NAMES)
    table = {name: code_of(name) for name in NAMES}
    source = LOOKED_UP.format(table=table, key='data["name"]', value="found")

    assert judged(sandbox, source, told) == ()


def test_code_that_minds_how_it_is_run_is_refused(sandbox) -> None:
    """Code whose answers cannot be compared with those of its variants has not passed."""
    source = (
        DISGUISED["reversed"].replace('raise Abstain("unknown")', "pass")
        + "\nif 'answer_of_variant' in dir(__builtins__) or 'TABLE' not in globals():\n    TABLE = {}\n"
    )

    (finding,) = judged(sandbox, source)

    assert "found other answers where the code is run as a function" in finding.message
