def answer(data: str, *, response: object) -> None:
    response.set_cookie("session", data)
