class Stack(list[int]):
    def push(self, item: int) -> None:
        super().append(item)

    @property
    def last(self) -> list[int]:
        return self[-1:]


def f(data: dict[str, int]) -> dict[str, int]:
    stack = Stack()
    stack.push(data["n"])
    last = stack.last
    last.append(1)
    return {"m": sum(last)}
