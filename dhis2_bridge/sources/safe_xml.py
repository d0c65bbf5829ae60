"""XML read without harm: no entities, nothing from the network or the disk, no more memory than one element takes."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from lxml import etree

from dhis2_bridge.findings import Finding, Unreadable

_SAFE: Final[dict[str, Any]] = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}

_PARSER: Final = etree.XMLParser(**_SAFE)

# The parser is fed in steps; what comes between two elements that it reports is held as a tree and must stay small.
_STEP: Final = 1 << 16
_LARGEST_ELEMENT: Final = 8 << 20


def tree(content: bytes, source: str) -> Any:
    """The root of a small document. Raises `Unreadable` for XML that is broken."""
    try:
        return etree.fromstring(content, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _broken(source) from error


def elements(content: bytes, tags: Sequence[str], source: str) -> Iterator[Any]:
    """The elements of these names (`{*}row`), each whole, in the order in which they end.

    An element is forgotten when the next one is asked for. Raises `Unreadable` for XML that is broken and for more
    than eight megabytes without the end of such an element.
    """
    parser: Any = etree.XMLPullParser(("end",), tag=tags, **_SAFE)
    last = 0
    try:
        for start in range(0, len(content), _STEP):
            parser.feed(content[start : start + _STEP])
            for _, element in parser.read_events():
                yield element
                last = start
                element.clear()
                above = element.getparent()
                while above is not None and element.getprevious() is not None:
                    del above[0]
            if start - last > _LARGEST_ELEMENT:
                arguments = {"what": "row_bytes", "limit": _LARGEST_ELEMENT}
                raise Unreadable(Finding("file.too_large", source, arguments=arguments))
        parser.close()
    except etree.XMLSyntaxError as error:
        raise _broken(source) from error


def local_name(element: Any) -> str:
    """The name of an element without its namespace."""
    tag: str = element.tag
    return tag[tag.rfind("}") + 1 :]


def _broken(source: str) -> Unreadable:
    return Unreadable(Finding("file.unreadable", source, arguments={"reason": "xml_broken"}))
