# capabilities: module:xml
from xml.etree import ElementTree


def tags(data: str) -> list[str]:
    parser = ElementTree.XMLPullParser(["start"])
    parser.feed(data)
    return [node.tag for _, node in parser.read_events()]
