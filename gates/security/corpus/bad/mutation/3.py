def ticket(data: int) -> int:
    ticket.last = data
    return data
