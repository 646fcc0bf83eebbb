def card(data: str) -> str:
    return f"<div class='card'>{data}</div>"
