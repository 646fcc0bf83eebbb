def greeting(template: str, name: str) -> str:
    return template.format(name)
