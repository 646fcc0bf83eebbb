# capabilities: module:tempfile
import tempfile


def scratch(data: str) -> str:
    return tempfile.mktemp()
