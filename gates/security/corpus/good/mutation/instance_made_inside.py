class Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def step(self) -> str:
        self.at += 1
        return self.text[self.at - 1]


def route(data: str) -> int:
    reader = Reader(data)
    return len(reader.step()) if data else 0
