def shard(data: str) -> int:
    return hash(data) % 8
