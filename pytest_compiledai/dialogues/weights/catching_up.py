"""What a checkpoint of an earlier flow gets wrong: turns along these ways come up more often.

A flow that was changed at a few edges is learned in few steps, if these are spent where it changed.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final

from pytest_compiledai.dialogues.weights import tokens

#: Share of each batch that such turns get.
SHARE: Final = 0.25
_ASKED: Final = 8  # turns of each way
_LEAST: Final = 0.75  # share of them that is right where a way is known
_TOGETHER: Final = 96  # turns that are asked side by side

Way = tuple[str, str, str]  # node, intent, the node that follows


def behind(
    rows: Sequence[Mapping[str, Any]],
    examples: Sequence[tokens.Encoded],
    right: Callable[[Sequence[tokens.Encoded]], Sequence[bool]],
) -> list[tokens.Encoded]:
    """Return the turns of those ways that ``right`` says no often enough of.

    None where that is most ways: a checkpoint that knows nothing of the flow learns all alike.
    """
    by_way: dict[Way, list[tokens.Encoded]] = defaultdict(list)
    for row, example in zip(rows, examples, strict=True):
        if row["node"] and row["after"]:
            by_way[row["node"], row["intent"], row["after"]].append(example)
    rng = random.Random("behind")  # noqa: S311 - repeatable on purpose
    drawn = {way: rng.sample(told, min(_ASKED, len(told))) for way, told in sorted(by_way.items())}
    asked = sorted(
        ((len(example.ids), way, example) for way, of in drawn.items() for example in of)
    )
    known: dict[Way, list[bool]] = defaultdict(list)
    for start in range(0, len(asked), _TOGETHER):
        part = asked[start : start + _TOGETHER]
        for (_, way, _), is_right in zip(part, right([e for *_, e in part]), strict=True):
            known[way].append(is_right)
    wrong = {way for way, answers in known.items() if sum(answers) < _LEAST * len(answers)}
    if 2 * len(wrong) > len(by_way):
        return []
    return [example for way in sorted(wrong) for example in by_way[way]]
