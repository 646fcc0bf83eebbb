from urllib.parse import quote

_HOSTS = {"shop": "shop.example", "help": "help.example"}


def login(data: str) -> str:
    return f"https://{_HOSTS.get(data, 'shop.example')}/login?from={quote(data)}"
