# capabilities: module:urllib.request
import urllib.request


def read(data: str) -> bytes:
    return urllib.request.urlopen("file:///etc/passwd").read()
