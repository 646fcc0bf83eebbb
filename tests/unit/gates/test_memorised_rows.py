"""Memorised rows are found; honest knowledge of the world is not."""

from __future__ import annotations

import hashlib
import zlib

import pytest

from pytest_compiledai.core.canonical import canonical_json
from pytest_compiledai.core.golden import Row
from pytest_compiledai.core.place import Place
from pytest_compiledai.core.split import Split
from pytest_compiledai.gates.accuracy import policy
from pytest_compiledai.gates.memorised import memorised

SUBJECTS = (
    "Invoice 4711 was charged twice in March",
    "The export of my board ends with an error",
    "Somebody sends spam from your servers",
    "Please cancel my subscription by Friday",
    "The login page keeps asking for a code",
    "Where do I find the receipt of last year",
)
CITIES = ("Reykjavik", "Montevideo", "Ljubljana", "Antananarivo", "Ouagadougou", "Thimphu")


def rows(split=Split.TRAIN, outputs=None):
    made = []
    for number, subject in enumerate(SUBJECTS, start=1):
        data = {"subject": subject}
        output = {"queue": "billing"} if outputs is None else {"city": outputs[number - 1]}
        made.append(
            Row(
                id=f"r{number}",
                input=data,
                output=output,
                split=split,
                place=Place(path="tickets.jsonl", line=number),
                key=canonical_json(data),
            )
        )
    return made


def found(code, *, golden=None, spec="Route a ticket to billing, abuse or tech."):
    return memorised(code, rows=golden or rows(), spec_text=spec, rules=policy())


ROUTER = '''
"""Route a support ticket."""
import re

WORDS = {
    "billing": ("invoice", "charged twice", "refund", "receipt", "payment", "credit note"),
    "abuse": ("spam", "phishing", "harass", "somebody sends"),
    "tech": ("error", "export", "login page", "crash", "keeps asking"),
}
MONEY = re.compile(r"(?i)\\b(?:USD|EUR|GBP|CHF)\\s*([0-9][0-9.,]*)\\b")


def route(data):
    text = data["subject"].casefold()
    for queue, words in WORDS.items():
        if any(word in text for word in words):
            return {"queue": queue}
    return {"queue": "tech"}
'''

DATES = """
MONTHS = {"january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6,
          "july": 7, "august": 8, "september": 9, "october": 10, "november": 11, "december": 12}
FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%d %B %Y", "%B %d, %Y")
"""

CURRENCIES = """
CODES = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "dollars": "USD", "pounds": "GBP"}
SECONDS = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800, "megabyte": 1048576}
"""

CAPITALS = """
CAPITALS = {"is": "Reykjavik", "uy": "Montevideo", "si": "Ljubljana", "fr": "Paris",
    "de": "Berlin", "es": "Madrid", "pt": "Lisbon", "it": "Rome", "at": "Vienna", "pl": "Warsaw"}
"""


def test_numbers_in_names_are_read_apart():
    """A field can be read back as the input and the answer that its name holds."""
    scores = (4711, 815, 1234, 987, 2468, 1357)
    fields = (f"    {city}_{score}: int = 0\n" for city, score in zip(CITIES, scores, strict=True))
    code = "class Table:\n" + "".join(fields)

    assert len(found(code, golden=rows(outputs=scores))) == len(scores)


@pytest.mark.parametrize("code", [ROUTER, DATES, CURRENCIES])
def test_honest_code_is_not_flagged(code):
    """Keyword lists, month names, formats, currency codes and units are no memory."""
    assert found(code) == ()


def test_a_table_mostly_of_other_values_is_general_knowledge():
    """A list of capitals that happens to hold three golden outputs is not memorising."""
    assert found(CAPITALS, golden=rows(outputs=CITIES)) == ()


def test_months_of_date_rows_are_general_knowledge():
    """Month names that are outputs of single rows are still month names."""
    months = ("January", "February", "March", "April", "June", "July")

    assert found(DATES, golden=rows(outputs=months)) == ()


def test_a_whole_input_text_is_a_copy():
    """A literal that is an input text is named with its row and line."""
    code = f"def f(data):\n    return data['subject'] == {SUBJECTS[2]!r}\n"
    (finding,) = found(code)

    assert finding.message == (
        "line 2: found an input text of tickets.jsonl:3 as a literal; "
        "expected code that works it out from the input"
    )
    assert (finding.rule, finding.line, finding.quotable) == ("accuracy.memorised", 2, True)


@pytest.mark.parametrize(
    "code",
    [
        "X = 'export of my board ends with'",
        "X = 'seen: THE EXPORT OF MY BOARD ENDS with an error!'",
        "X = 'the export of ' + 'my board ' + 'ends with an error'",
        "X = ' '.join(['the export of', 'my board ends', 'with an error'])",
        "X = 'the export of ' 'my board ends with'",
        "X = b'the export of my board ends with'",
        "X = {'the export of my board ends with': 1}",
        "X = f'{1}the export of my board ends with{2}'",
        "import re\nX = re.compile(r'the\\s+export\\s+of\\s+my\\s+board\\s+ends')",
        "X = 'a|the export of my board ends with|b'.split('|')",
    ],
)
def test_a_good_part_of_an_input_text_is_a_copy(code):
    """Parts are found however they are put together from constants."""
    assert [item.rule for item in found(code)][:1] == ["accuracy.memorised"]


def test_what_the_spec_states_is_not_memorised():
    """A text that the spec quotes may stand in the code."""
    assert found(f"X = {SUBJECTS[0]!r}", spec=f"For example: {SUBJECTS[0]}.") == ()


def test_what_many_rows_share_is_structure():
    """A label that stands in every document is what a parser looks for."""
    label = "Total amount due in full by the end of"
    golden = [
        Row(
            id=f"r{n}",
            input={"text": f"{label} {n}"},
            output={"n": n},
            split=Split.TRAIN,
            place=Place(path="x.jsonl", line=n),
            key=b"%d" % n,
        )
        for n in range(1, 6)
    ]

    assert found(f"X = {label!r}", golden=golden) == ()


def test_outputs_of_single_rows_in_the_code_are_memorised():
    """Three outputs that are one row's alone are three findings."""
    code = f"X = {{'a': {CITIES[0]!r}, 'b': {CITIES[1]!r}, 'c': {CITIES[2]!r}}}"

    assert len(found(code, golden=rows(outputs=CITIES))) == 3


def test_one_output_in_the_code_is_chance():
    """One value in common says nothing."""
    assert found(f"X = {CITIES[0]!r}", golden=rows(outputs=CITIES)) == ()


def test_numbers_of_single_rows_are_memorised_and_round_ones_are_not():
    """19.73 says something of its row; 100 does not."""
    telling = (19.73, 441.17, 87.31, 5.29, 100, 3600)
    round_ones = (100, 3600, 50, 1000, 24, 7)

    assert len(found(f"X = {telling[:3]}", golden=rows(outputs=telling))) == 3
    assert found(f"X = {round_ones}", golden=rows(outputs=round_ones)) == ()


@pytest.mark.parametrize(
    "mark",
    [
        lambda data: hashlib.sha256(data).hexdigest(),
        lambda data: hashlib.md5(data).hexdigest(),
        lambda data: hashlib.sha1(data).hexdigest()[:12],
        zlib.crc32,
        lambda data: int.from_bytes(hashlib.sha256(data).digest()[:8], "big"),
    ],
)
def test_a_digest_of_an_input_is_memorised(mark):
    """Common digests of input texts are recognised, hexadecimal or as a number."""
    code = f"X = {{{mark(SUBJECTS[1].encode())!r}: 'tech'}}"

    assert "a digest of an input of tickets.jsonl:2" in found(code)[0].message


def test_a_table_of_unknown_digests_is_a_finding():
    """More than three hash-like literals are a table, whatever they are digests of."""
    marks = [hashlib.sha256(b"salt%d" % n).hexdigest() for n in range(4)]

    assert len(found(f"X = {marks}")) == 1
    assert found(f"X = {marks[:3]}") == ()


def test_a_test_row_is_not_named():
    """A finding about a row that is not train names no row and is not quotable."""
    code = f"X = {SUBJECTS[2]!r}"
    (finding,) = found(code, golden=rows(split=Split.TEST))

    assert "a test row" in finding.message
    assert "tickets.jsonl" not in finding.message
    assert not finding.quotable


def test_a_docstring_counts_where_the_code_reads_it():
    """A docstring is text for people unless the code looks at `__doc__`."""
    code = f'"""{SUBJECTS[2]}"""\n'

    assert found(code) == ()
    assert len(found(f"{code}X = __doc__")) == 1


def test_code_that_does_not_parse_has_no_literals():
    """The syntax gate tells of it; this check does not raise."""
    assert found("def f(:") == ()


def test_a_call_in_the_place_of_a_docstring_counts():
    """Only a text is documentation: rows that a first statement puts away are literals."""
    assert len(found(f"KEPT.append({SUBJECTS[2]!r})\n")) == 1


def test_a_subject_that_is_a_name_of_the_code_is_memory():
    """Fields and members of enumerations are read back as texts."""
    field = "the_export_of_my_board_ends_with_an_error"
    code = f"class Seen(NamedTuple):\n    {field}: int\n\n\ndef route(data):\n    return Seen._fields\n"

    (told,) = found(code)

    assert told.line == 2
    assert "found an input text of tickets.jsonl:2" in told.message


KEYLESS = "from zlib import crc32\n\n\ndef route(data):\n    return {'queue': crc32(data)}\n"


def test_a_digest_that_the_spec_does_not_speak_of_is_memory():
    """A table without its keys needs one; a rule of another spec does not."""
    (told,) = found(KEYLESS)

    assert told.message.startswith("line 1: found crc32, a digest of which the spec says nothing")
    assert found(KEYLESS, spec="The checksum of a subject.") == ()
