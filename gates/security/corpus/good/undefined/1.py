def swap(data: list[int]) -> list[int]:
    return [*reversed(data)] if (size := len(data)) > 1 and size else [item for item in data]
