"""Reading a page in a test: its text, its parts, and faults a machine can find."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "img", "input", "br"}
_LABELLED = {"input", "select", "textarea"}


@dataclass(slots=True)
class Element:
    tag: str
    attributes: dict[str, str | None]
    parents: tuple[str, ...] = ()
    raw: str = ""

    @property
    def text(self) -> str:
        return " ".join(self.raw.split())


@dataclass(slots=True)
class Page:
    elements: list[Element] = field(default_factory=list)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        return [
            one for one in self.elements if one.tag == tag and attributes.items() <= one.attributes.items()
        ]

    def text(self, tag: str) -> list[str]:
        return [one.text for one in self.all(tag)]

    def faults(self) -> list[str]:
        """What a person with a screen reader or a keyboard would stumble over."""
        found = []
        if not self.all("html")[0].attributes.get("lang"):
            found.append("no language")
        if len(self.all("h1")) != 1:
            found.append(f"{len(self.all('h1'))} h1")
        for one in self.elements:
            hidden = one.attributes.get("type") == "hidden"  # nobody sees it
            if one.tag in _LABELLED and "label" not in one.parents and not hidden:
                found.append(f"{one.tag} {one.attributes.get('name')} has no label")
            if one.tag == "img" and "alt" not in one.attributes:
                found.append("an image without alt")
            if one.tag in {"a", "button"} and not (one.text or one.attributes.get("aria-label")):
                found.append(f"an empty {one.tag}")
            if "style" in one.attributes or any(name.startswith("on") for name in one.attributes):
                found.append(f"inline style or handler on {one.tag}")
        ids = [one.attributes["id"] for one in self.elements if "id" in one.attributes]
        found += [f"id {one} twice" for one in set(ids) if ids.count(one) > 1]
        return found + self._broken_references(set(ids))

    def _broken_references(self, ids: set[str | None]) -> list[str]:
        named = [
            one.attributes["aria-labelledby"] for one in self.elements if "aria-labelledby" in one.attributes
        ]
        return [f"nothing is called {name}" for name in named if name not in ids]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_data(" ")
        element = Element(tag, dict(attrs), parents=tuple(one.tag for one in self._open))
        self.page.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.elements.append(Element(tag, dict(attrs), parents=tuple(one.tag for one in self._open)))

    def handle_endtag(self, tag: str) -> None:
        self.handle_data(" ")
        while self._open:
            if self._open.pop().tag == tag:
                return

    def handle_data(self, data: str) -> None:
        for one in self._open:
            one.raw += data


def read(html: str) -> Page:
    reader = _Reader()
    reader.feed(html)
    return reader.page
