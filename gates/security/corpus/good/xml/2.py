# capabilities: module:xml
from xml.etree import ElementTree

TEMPLATE = "<note><to/></note>"


def note(data: str) -> str:
    root = ElementTree.fromstring(TEMPLATE)
    root[0].text = data
    return ElementTree.tostring(root, encoding="unicode")
