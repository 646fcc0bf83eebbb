def person(data: str) -> str:
    return f"(&(uid={data})(objectClass=person))"
