"""What the gates ask of weights, in a process of its own: torch answers, the caller judges.

python -m pytest_compiledai.dialogues.weights.examining JOB.json
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_compiledai.dialogues.weights.talking import Conversation
from pytest_compiledai.dialogues.weights.talking import Weights
from pytest_compiledai.dialogues.weights.talking import as_json
from pytest_compiledai.sandbox.offline import shut_as_far_as_possible


def main(job_file: str) -> None:
    """Answer the questions of the job and print the answers."""
    shut_as_far_as_possible()
    sys.stdout.write(json.dumps(examine(json.loads(Path(job_file).read_text(encoding="utf-8")))))


def examine(job: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a job: ``artifact`` (folder), and any of ``scored``, ``talks``, ``spoken``.

    ``scored``: name -> conversations, for the probability of each node at each agent turn.
    ``talks``: name -> lists of user texts, each list said to one conversation until its end.
    """
    begin = time.process_time()
    weights = Weights(Path(job["artifact"]))
    weights.open()
    cold_s = time.process_time() - begin
    scored = {name: weights.network.scores(talks) for name, talks in job.get("scored", {}).items()}
    talks = {name: [_talk(weights, texts) for texts in all_] for name, all_ in job["talks"].items()}
    return {
        "cold_s": cold_s,
        "memory_mb": _memory_mb(),
        "context": weights.network.context,
        "lengths": {
            name: [len(weights.network.encoder.conversation(talk).ids) for talk in all_]
            for name, all_ in job.get("scored", {}).items()
        },
        "canaries": [weights.network.rank(texts) for texts in job.get("canaries", ())],
        "scored": scored,
        "talks": talks,
    }


def _talk(weights: Weights, texts: Sequence[str]) -> list[dict[str, Any]]:
    """Return the replies to ``texts``, the opening first, each with its CPU seconds."""
    conversation = weights.open()
    replies = [as_json(conversation.opening) | {"seconds": 0.0, "action_seconds": 0.0}]
    for text in texts:
        if weights.flow.nodes[conversation.state.node].terminal is not None:
            break
        replies.append(_turn(conversation, text))
    return replies


def _turn(conversation: Conversation, text: str) -> dict[str, Any]:
    begin = time.process_time()
    reply = conversation.turn(text)
    seconds = time.process_time() - begin
    return as_json(reply) | {"seconds": seconds, "action_seconds": conversation.action_seconds}


def _memory_mb() -> float:
    """Return the most memory (MiB) that this process ever held; 0 where the system does not say.

    Linux hands ``ru_maxrss`` on through fork and exec, so a small process started by a large one
    would be charged with its parent's; ``VmHWM`` belongs to the program that runs.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return _resident_mb()
    held = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(held.split()[1]) / 1024


def _resident_mb() -> float:
    """Return the peak that the system's accounting states, where there is no ``/proc``."""
    try:
        import resource
    except ImportError:  # pragma: no cover - only Windows
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(sys.argv[1])
