# capabilities: module:urllib.request
import urllib.request


def fetch(data: str) -> bytes:
    return urllib.request.urlopen(data).read()
