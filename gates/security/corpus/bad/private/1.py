def inside(data: object) -> object:
    return data._secret
