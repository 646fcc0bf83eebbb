# capabilities: module:logging
import logging


def login(data: str, password: str) -> bool:
    logging.info("login of %s with %s", data, password)
    return bool(data)
