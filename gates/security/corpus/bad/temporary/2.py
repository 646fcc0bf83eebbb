# capabilities: module:io
import io


def scratch(data: str) -> None:
    io.open("/tmp/scratch.txt", "w").write(data)
