# capabilities: module:sys module:logging
import logging
import sys


def start(data: str) -> None:
    logging.info("started with " + sys.argv[1])
