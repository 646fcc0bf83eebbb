def page(data: str) -> str:
    return "Hello {{ user }} " + "{% if x %}" + data
