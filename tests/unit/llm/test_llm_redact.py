"""Secrets: found by the names of variables and by shape, and taken out."""

from __future__ import annotations

import json
import time

import pytest

from pytest_compiledai.llm.redact import Secrets
from pytest_compiledai.llm.redact import is_secret_name
from pytest_compiledai.llm.redact import redact

NONE = Secrets.of({})

# Put together here, so that no scanner takes this file for a leak.
KEYS = [
    ("AWS key", "AKIA" + "Q7WERTYUIOPASDF2"),
    ("AWS key", "ASIA" + "Q7WERTYUIOPASDF2"),
    ("GitHub token", "ghp_" + "a1B2" * 9),
    ("GitHub token", "github_pat_" + "a1B2" * 8),
    ("GitLab token", "glpat-" + "a1B2" * 5),
    ("Slack token", "xoxb-" + "1234567890-abcdef"),
    ("Google key", "AIza" + "Sy1_-" * 7),
    ("Stripe key", "sk_live_" + "a1B2" * 6),
    ("npm token", "npm_" + "a1B2" * 9),
    ("PyPI token", "pypi-AgE" + "a1B2_" * 12),
    ("Hugging Face token", "hf_" + "aBcD" * 8),
    ("API key", "sk-" + "proj-a1B2" * 4),
    ("JWT", "eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSM-_"),
    (
        "private key",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n+/ab\n-----END RSA PRIVATE KEY-----",
    ),
    ("private key", "-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----"),
]


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_a_known_shape_is_taken_out(kind: str, key: str) -> None:
    """A key of a known shape leaves its kind and nothing of itself."""
    assert NONE.redact(f"before {key} after") == f"before [redacted:{kind}] after"


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_a_known_shape_is_found_in_json(kind: str, key: str) -> None:
    """A key inside a golden row is found as the row is written into a prompt."""
    (seen,) = NONE.find(json.dumps({"input": {"text": key}}))

    assert seen.kind == kind


def test_a_private_key_without_an_end_is_taken_out_to_the_end() -> None:
    """A block that was cut hides what is left of it."""
    text = "x -----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN"

    assert NONE.redact(text) == "x [redacted:private key]"


@pytest.mark.parametrize(
    "text",
    [
        "risk-assessment-of-the-year-2024-in-words",
        "a task-list, sk-learn and sk-container-id-x",
        "AKIA is a prefix; AKIAIOSFODNN7EXAMPLE is what the vendor's documentation shows",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "keep the key in the key box",
        "sha256 " + "0123456789abcdef" * 4,
    ],
)
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    """Words, digests, certificates and documented samples are no secrets."""
    assert NONE.redact(text) == text


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY",
        "GITHUB_TOKEN",
        "db_password",
        "SECRET",
        "AWS_SECRET_ACCESS_KEY",
        "APIKEY",
        "MY_CREDENTIALS",
        "NPM_TOKEN_2",
        "HF_TOKEN",
        "MYAPPSECRET",
        "STRIPE_SECRET_LIVE",
        "PGPASSWORD",
        "SENTRY_DSN",
    ],
)
def test_a_variable_that_names_a_secret_is_one(name: str) -> None:
    """The usual names of keys, tokens and passwords count, in any case and place."""
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "PWD",
        "OLDPWD",
        "PATH",
        "KEYBOARD_LAYOUT",
        "MONKEYS",
        "TOKENIZERS_PARALLELISM",
        "HOME",
        "LANG",
        "PYTHONPATH",
    ],
)
def test_an_ordinary_variable_is_none(name: str) -> None:
    """A name that merely contains such a word does not count."""
    assert not is_secret_name(name)


def test_a_variables_value_is_taken_out_wherever_it_stands() -> None:
    """A value from the environment is found inside words, twice, and as JSON writes it."""
    value = 'p"ass\\word-ü'
    secrets = Secrets.of({"DB_PASSWORD": value, "PATH": "/usr/bin:/bin"})
    text = (
        f"{value}x{value} {json.dumps(value)} {json.dumps(value, ensure_ascii=False)} /usr/bin:/bin"
    )

    mark = "[redacted:DB_PASSWORD]"
    assert secrets.redact(text) == f'{mark}x{mark} "{mark}" "{mark}" /usr/bin:/bin'


def test_a_short_value_is_a_word() -> None:
    """A value of seven characters would be found all over ordinary text."""
    assert Secrets.of({"API_TOKEN": "a" * 7}).find("a" * 20) == ()
    assert len(Secrets.of({"API_TOKEN": "a" * 8}).find("a" * 20)) == 2


def test_overlapping_secrets_are_taken_out_together() -> None:
    """Where a value and a shape overlap, nothing of either is left."""
    key = "AKIA" + "Q7WERTYUIOPASDF2"
    secrets = Secrets.of({"MY_TOKEN": f"DF2-{'tail' * 3}", "OUTER_KEY": f"<<{key}>>"})

    assert secrets.redact(f"{key}") == "[redacted:AWS key]"
    assert secrets.redact(f"a{'-'}{key}-{'tail' * 3}b") == "a-[redacted:AWS key]b"
    assert secrets.redact(f"<<{key}>>") == "[redacted:OUTER_KEY]"


def test_the_environment_of_this_process_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is about to be written is cleaned of this process's own secrets."""
    monkeypatch.setenv("CANARY_TOKEN", "planted-4711-canary")

    assert redact("see planted-4711-canary") == "see [redacted:CANARY_TOKEN]"


def test_a_long_hostile_text_is_searched_in_time() -> None:
    """No shape takes more than linear time over a text that almost matches it."""
    texts = ["eyJ-" * 50_000, "eyJaaaaaaaa " * 17_000, "sk-" * 66_000, "-----BEGIN " * 18_000]
    began_s = time.monotonic()

    found = [NONE.find(text) for text in texts]

    assert found == [()] * 4
    # Quadratic search takes minutes, and this half a second on a slow machine.
    assert time.monotonic() - began_s < 20
