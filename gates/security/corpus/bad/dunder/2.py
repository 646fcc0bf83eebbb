def inside(data: object) -> object:
    match data:
        case object(__class__=found):
            return found
    return None
