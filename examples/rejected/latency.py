def clean(address: str) -> str:
    local, at, domain = address.strip().lower().partition("@")
    return local.partition("+")[0].replace(".", "") + at + domain


def duplicate_guests(data: DuplicateGuestsInput) -> DuplicateGuestsOutput:
    pairs = 0
    for later in range(len(data["addresses"])):
        for earlier in range(later):
            cleaned = [clean(address) for address in data["addresses"]]
            pairs += cleaned[earlier] == cleaned[later]
    return {"pairs": pairs}
