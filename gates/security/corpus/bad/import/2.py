def fetch(data: str) -> str:
    import requests

    return requests.get(data).text
