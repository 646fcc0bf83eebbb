from dataclasses import dataclass
from dataclasses import field


@dataclass(frozen=True)
class Rule:
    priority: int
    words: tuple[str, ...] = ()


@dataclass
class Decision:
    priority: int = 3
    words: list[str] = field(default_factory=list)

    def take(self, rule: Rule, word: str) -> None:
        self.priority = min(self.priority, rule.priority)
        self.words.append(word)


RULES = (Rule(1, ("outage", "down")), Rule(2, ("error",)))


def route(data: str) -> int:
    decision = Decision()
    for rule in RULES:
        for word in data.split():
            if word in rule.words:
                decision.take(rule, word)
    return decision.priority
