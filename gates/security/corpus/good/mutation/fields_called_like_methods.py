import dataclasses
import enum


class Step(enum.Enum):
    CLEAR = 0
    clear = 1
    done = 2


@dataclasses.dataclass(frozen=True)
class Rates:
    add: int
    pop: int = 1


RATES = Rates(add=2)
ORDER = (Step.clear, Step.done)


def rate(rates: Rates) -> int:
    return rates.add


def f(data: dict[str, int]) -> dict[str, int]:
    step = Step.clear if data["n"] else Step.done
    return {"m": rate(RATES) * data["n"] + RATES.pop + ORDER.index(step)}
