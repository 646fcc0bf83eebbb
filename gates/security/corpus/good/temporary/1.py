# capabilities: module:tempfile
import tempfile


def scratch(data: str) -> str:
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(data)
        return file.name
