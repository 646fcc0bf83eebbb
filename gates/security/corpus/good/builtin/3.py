# capabilities: module:bz2
import bz2


def size(data: bytes) -> int | None:
    try:
        return len(bz2.decompress(data))
    except (OSError, ValueError):
        return None
