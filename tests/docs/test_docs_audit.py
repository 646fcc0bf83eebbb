"""The page on audits does what it says, and names what the audit has."""

from __future__ import annotations

import json

from pytest_compiledai.audit import site
from pytest_compiledai.audit.rules import rules


def test_the_page_is_followed(page, reader):
    """The log, the audit and the draft of the page come out as shown."""
    reader.follow(page("audit.md"))

    assert reader.read("specs/app_sort_message.yaml").startswith("compiledai: 1\n")


def test_the_page_names_every_key_of_a_site(page, reader):
    """The keys of the JSON stand on the page, in their order."""
    reader.run(f"python - <<'END'\n{page('audit.md').block('python')}END")
    _, said = reader.run("compiledai audit calls.jsonl --json")

    (found,) = json.loads(said)["sites"]
    listed = ", ".join(f"`{key}`" for key in found)
    assert f"A site has {listed}." in page("audit.md").text


def test_the_page_states_the_thresholds_in_force(page):
    """The shares and caps of the page are those of the rules and the code."""
    text = page("audit.md").text

    shares = [
        ("code", "rule_share"),
        ("machine", "explained"),
        ("machine", "steps_right"),
        ("demos", "covered"),
    ]
    assert [] == [
        pair for pair in shares if f"{rules()[pair[0]][pair[1]]:.0%}".replace("%", " %") not in text
    ]
    caps = (site.ROW_CAP, site.SAMPLE_CHARACTERS, site.DISTINCT_CAP)
    assert [] == [cap for cap in caps if f"{cap:,}" not in text]
