def link(data: str) -> str:
    return "<a href='" + data + "'>open</a>"
