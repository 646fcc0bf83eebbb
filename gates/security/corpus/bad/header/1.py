def answer(data: str) -> str:
    return "HTTP/1.1 302 Found\r\nLocation: " + data + "\r\n\r\n"
