def greeting(name: str) -> str:
    return "Dear {name},".format(name=name)
