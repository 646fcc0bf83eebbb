# capabilities: module:urllib.request
import urllib.request


def rates(data: str) -> bytes:
    return urllib.request.urlopen("https://rates.example/today").read() + data.encode()
