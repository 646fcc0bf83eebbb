"""Graphs of other projects become drafts that the strict reader takes; nothing is executed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_compiledai.core.errors import SpecError
from pytest_compiledai.core.yamltext import yaml_mapping
from pytest_compiledai.dialogues.imports.files import sketched
from pytest_compiledai.dialogues.mermaid import mermaid
from pytest_compiledai.dialogues.spec import DialogueSpec

LANGGRAPH = """{"nodes": [{"id": "__start__"}, {"id": "ask", "metadata": {"say": "Which city?"}},
 {"id": "__end__"}], "edges": [{"source": "__start__", "target": "ask"},
 {"source": "ask", "target": "__end__", "data": "names a city", "conditional": true}]}"""
MERMAID = """flowchart TD;
  %% a comment
  ask["Which city?"] -->|names a city| done([Booked])
  ask -- gives up --> bye([Goodbye]):::last
  classDef last fill:#fff
"""
RASA = """flows:
  transfer:
    steps:
      - collect: amount
      - id: sure
        collect: sure
        next:
          - if: not slots.sure
            then:
              - action: utter_stopped
                next: END
          - else: pay
      - id: pay
        action: pay
"""
AGENT2MODEL = """name: trip
start: hello
nodes:
  hello: {role: agent, prompt: Greet., next: [{to: done, when: user_books}, {to: gone, when: leaves}]}
  done: {terminal: success}
  gone: {terminal: abandonment}
"""


@pytest.mark.parametrize(
    ("text", "nodes", "intents"),
    [
        (LANGGRAPH, {"start", "ask", "end"}, {"go_on", "names_a_city"}),
        (MERMAID, {"ask", "done", "bye"}, {"names_a_city", "gives_up"}),
        (RASA, {"s0", "sure", "sure_0_0", "pay", "end"}, {"go_on", "not_sure", "otherwise"}),
        (AGENT2MODEL, {"hello", "done", "gone"}, {"user_books", "leaves"}),
    ],
)
def test_a_graph_becomes_a_draft(
    read: Callable[[str], DialogueSpec], text: str, nodes: set[str], intents: set[str]
) -> None:
    """Nodes, labels and ends are taken over, and the draft is a spec that can be read."""
    sketch = sketched(text.encode(), "graphs/one.txt")

    flow = read(yaml_mapping(sketch.spec("graphs/one.txt"))).flow

    assert (nodes, intents) == (set(flow.nodes), set(flow.intents))
    assert sketch.notes


def test_what_is_said_comes_along(read: Callable[[str], DialogueSpec]) -> None:
    """Texts of nodes and kinds of ends are in the draft."""
    drawn = read(yaml_mapping(sketched(MERMAID.encode(), "m.mmd").spec("m.mmd"))).flow
    typed = read(yaml_mapping(sketched(AGENT2MODEL.encode(), "a.yaml").spec("a.yaml"))).flow

    assert drawn.nodes["ask"].say == ("Which city?",)
    assert str(typed.nodes["gone"].terminal) == "abandonment"


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system [echo]",
        "just a text",
        '{"nodes": 1}',
        "flowchart TD\n  a ??? b",
        "flows: {x: {steps: []}}",
        "flows: {x: {steps: [!!python/object/apply:os.system [echo]]}}",
        "name: a\nstart: b\nnodes: {b: &x {prompt: p}, c: *x}",
        "{" * 5_000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """A file of no known format, and one that would run code, is an error."""
    with pytest.raises(SpecError):
        sketched(text.encode(), "x.yaml")


def test_a_flow_is_drawn_and_read_again(table: DialogueSpec) -> None:
    """The exported flowchart has the flow's nodes and ways."""
    sketch = sketched(mermaid(table.flow).encode(), "table.mmd")

    ways = {(source, target) for source, _, target in sketch.ways}
    expected = {(n.name, to) for n in table.flow.nodes.values() for to in n.successors()}
    assert (set(table.flow.nodes), expected) == (set(sketch.says), ways)


def test_a_script_in_a_drawing_is_no_part_of_the_draft() -> None:
    """Links, calls and tags of a flowchart are left out."""
    drawn = (
        'flowchart TD\n  a["hi <img src=x onerror=run()>"] -->|go| b([done])\n'
        '  click a "javascript:run()" _blank\n  click b call run()\n'
    )

    spec = yaml_mapping(sketched(drawn.encode(), "m.mmd").spec("m.mmd"))

    assert not [word for word in ("javascript", "onerror", "run()") if word in spec]


def test_what_an_agent_says_draws_nothing_of_its_own(
    read: Callable[[str], DialogueSpec], table_text: str
) -> None:
    """A line end, a tag or a node called `end` stays a label in the exported flowchart."""
    text = table_text.replace("[hello]", '["<b>hi</b>\\n  click greet \\"javascript:run()\\""]')
    text = text.replace("bye: {say", "end: {say").replace("quit: bye", "quit: end")

    lines = mermaid(read(text).flow).split("\n")

    assert not [line for line in lines if "<" in line or line.strip().startswith("click")]
    assert not [line for line in lines if line.split()[:1] == ["end"] or line.endswith(" end")]


def test_a_label_without_an_end_costs_no_more_than_its_length():
    """Spaces once cost the cube of their number; now half a megabyte of them is read at once."""
    with pytest.raises(SpecError):
        sketched(b"flowchart TD\n  a -- " + b" " * 500_000 + b"x", "g.mmd")


def test_a_file_of_many_levels_is_refused():
    """Brackets without an end cost the parser a square of their number: it stops at a hundred."""
    with pytest.raises(SpecError, match="more than 100 levels"):
        sketched(b"[" * 40_000, "g.mmd")
