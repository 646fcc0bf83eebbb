# capabilities: module:logging
import logging


def login(data: str, password: str) -> bool:
    logging.info("login of somebody")
    return bool(data and password)
