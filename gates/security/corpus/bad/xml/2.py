import lxml.etree


def root(data: str) -> str:
    return lxml.etree.fromstring(data, lxml.etree.XMLParser(resolve_entities=True)).tag
