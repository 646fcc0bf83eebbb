import html


def card(data: str) -> str:
    return f"<div class='card'>{html.escape(data)}</div>"


def note(data: int) -> str:
    return f"{data} < 3 and more > 2"
