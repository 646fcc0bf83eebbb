from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Flag
from functools import cache
from functools import cached_property
from functools import lru_cache


class Mark(Flag):
    PRO = 1
    LOUD = 2


@dataclass
class Words:
    text: str

    @cached_property
    def loud(self):
        return [word for word in self.text.split() if word.endswith("!")]


MATCHER = SequenceMatcher()
BOTH = Words("Spam again!")


@cache
def marks(plan):
    return [Mark.PRO] if plan == "pro" else []


@lru_cache(maxsize=2)
def loud(text):
    return {"words": [word for word in text.split() if "!" in word]}


def route(data):
    subject = data.get("subject") if isinstance(data, dict) else None
    if not isinstance(subject, str) or data.get("plan") not in ("free", "pro") or len(data) > 2:
        raise Abstain("the input does not match the schema")
    text = subject.lower()
    queue = "tech"
    if "invoice" in text or "refund" in text:
        queue = "billing"
    elif "spam" in text:
        queue = "abuse"
    MATCHER.set_seqs(subject, BOTH.loud[0])
    found = Mark.PRO & ~Mark.PRO
    for mark in marks(data["plan"]):
        found |= mark
    if loud(subject)["words"] and MATCHER.ratio() <= 1:
        found |= Mark.LOUD
    return {"queue": queue, "urgent": found == Mark.PRO | Mark.LOUD}
