"""E-mail templates: sandboxed, and an unknown word is an error instead of a blank."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import (
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    meta,
    select_autoescape,
)
from jinja2.sandbox import SandboxedEnvironment

_SUBJECT = "Subject: "


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str
    html: str


class Templates:
    """Each message is two files: `<name>.txt.j2`, whose first line is the subject, and `<name>.html.j2`."""

    def __init__(self, folder: Path) -> None:
        self._environment = SandboxedEnvironment(
            loader=FileSystemLoader(folder),
            undefined=StrictUndefined,
            autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
            trim_blocks=True,
        )

    def render(self, name: str, words: Mapping[str, str]) -> Rendered:
        text = self._environment.get_template(f"{name}.txt.j2").render(words)
        head, _, body = text.partition("\n")
        html = self._environment.get_template(f"{name}.html.j2").render(words)
        # A line break in a subject would let a customer's name write headers.
        subject = " ".join(head.removeprefix(_SUBJECT).split())
        return Rendered(subject, body.strip() + "\n", html)

    def faults(self, name: str, allowed: Collection[str]) -> list[str]:
        """What is wrong with a message: missing or unreadable files, undeclared words, no subject."""
        found = []
        for file in (f"{name}.txt.j2", f"{name}.html.j2"):
            try:
                words = self._words(file, set())
            except TemplateNotFound as error:
                found.append(f"no template {error.name}")
            except TemplateSyntaxError as error:
                found.append(f"{error.filename or file}:{error.lineno}: {error.message}")
            else:
                found += [
                    f"{file}: {word} is not declared in variables" for word in sorted(words - set(allowed))
                ]
        return found or self._subject_fault(name)

    def _words(self, file: str, seen: set[str]) -> set[str]:
        """The words a template uses, those of the templates it builds on included."""
        seen.add(file)
        loader = self._environment.loader
        assert loader is not None
        tree = self._environment.parse(loader.get_source(self._environment, file)[0])
        words = meta.find_undeclared_variables(tree)
        for other in _referenced(meta.find_referenced_templates(tree)):
            if other not in seen:
                words |= self._words(other, seen)
        return words

    def _subject_fault(self, name: str) -> list[str]:
        loader = self._environment.loader
        assert loader is not None
        source = loader.get_source(self._environment, f"{name}.txt.j2")[0]
        return (
            [] if source.startswith(_SUBJECT) else [f"{name}.txt.j2:1: the first line must be `Subject: ...`"]
        )


def _referenced(names: Iterable[str | None]) -> list[str]:
    return [name for name in names if name is not None]
