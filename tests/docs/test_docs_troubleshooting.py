"""The page on troubleshooting: every message on it is one that a user gets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pytest_compiledai"
LOCKED = "pytest --compile-locked specs"
#: First found of a message -> what goes wrong in a frozen project, and the run that says so.
HARMS = {
    "no entry for double": f"rm compiledai.lock; {LOCKED}",
    "bytes edited by hand": f"echo '# x' >> compiled/double.py; {LOCKED}",
    "the artifact of double is missing": f"rm compiled/double.py; {LOCKED}",
    "the entry of double is stale": f"sed -i 's/twice/two times/' specs/double.yaml; {LOCKED}",
    "no spec of double": f"rm specs/double.yaml; {LOCKED}",
    "conflict markers": "(echo '<<<<<<< ours'; cat compiledai.lock; echo '=======';"
    f" echo '>>>>>>> theirs') > lock; mv lock compiledai.lock; {LOCKED}",
    "half-merged tables of `double`": f"echo 'attempts = 2' >> compiledai.lock; {LOCKED}",
    "a half-merged or hand-edited": f"sed -i 's/attempts = 1/attempts = 2/' compiledai.lock; {LOCKED}",
    "no recording of request": "rm compiledai.lock; sed -i '/^candidate/d' specs/double.yaml;"
    # Rows that follow no rule: builtin/synth has nothing to offer.
    """ sed -i 's/"m": [0-9]*4}/"m": 5}/' specs/double.jsonl; pytest --compile specs""",
    "samples judged wrongly": f"COMPILEDAI_SEMGREP=/no/semgrep {LOCKED}",
    "semgrep: found": "COMPILEDAI_SEMGREP=/no/semgrep compiledai check compiled/double.py",
    "did you mean --compile?": "pytest specs/double.yaml",
}
#: What takes too long to bring about, or needs another kernel: its fixed parts stand in the code.
STATED = ("failed probes", "no package docker", "no answer within", "no end after")


def message_of(page, key: str) -> str:
    (text,) = (b.text for b in page("troubleshooting.md").blocks if key in b.text)
    return text


@pytest.mark.parametrize("key", [*HARMS])
def test_the_message_is_what_a_user_gets(page, frozen, key):
    """Every line of the message is said, in this order, when what it tells of happens."""
    code, said = frozen.run(HARMS[key])

    assert code != 0
    rest = said
    for line in message_of(page, key).splitlines():
        pattern = ".*".join(re.escape(part) for part in line.split("..."))
        found = re.search(pattern, rest)
        assert found, f"no {line!r} in\n{said}"
        rest = rest[found.end() :]
    assert said.count("; next: ") <= 1  # one cause is told once


@pytest.mark.parametrize("key", STATED)
def test_the_message_stands_in_the_code(page, key):
    """The fixed parts of a message that no test brings about are texts of the package."""
    code = " ".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    lines = re.sub(r"^(?:found|expected|next:)\s+", "", message_of(page, key), flags=re.MULTILINE)

    parts = [part.strip() for part in re.split(r"\.\.\.|\n|; expected ", lines)]

    assert [part for part in parts if part not in code] == []


def test_every_message_of_the_page_is_looked_at(page):
    """No message stands on the page without a test."""
    texts = [block.text for block in page("troubleshooting.md").blocks]

    assert [text for text in texts if not any(key in text for key in (*HARMS, *STATED))] == []
    assert len(texts) == len(HARMS) + len(STATED)


def test_the_command_for_a_broken_table_mends_it(frozen):
    """What the message of a hand-edited table says to run makes the lock whole again."""
    before = frozen.read("compiledai.lock")
    harm = HARMS["a half-merged or hand-edited"].partition(";")[0]

    code, said = frozen.run(f"{harm} && pytest --compile-update specs/ -k double")

    assert code == 0, said
    assert before == frozen.read("compiledai.lock")
