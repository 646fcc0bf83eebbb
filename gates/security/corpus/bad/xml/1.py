# capabilities: module:xml
from xml.etree import ElementTree


def root(data: str) -> str:
    return ElementTree.fromstring(data).tag
