class Rule:
    def __init__(self, word: str) -> None:
        self.words: list[str] = []
        self.words.append(word)

    def fits(self, text: str) -> bool:
        return any(word in text for word in self.words)


RULES = (Rule("a"), Rule("b"))


def route(data: str) -> int:
    return sum(rule.fits(data) for rule in RULES)
