from urllib.parse import quote


def answer(data: str) -> str:
    return "HTTP/1.1 302 Found\r\nX-Page: /" + quote(data) + "\r\n\r\n"
