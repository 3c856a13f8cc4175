"""The reference of `import s3prl_convexprune as cp`: mkdocstrings' marks, one a name, where the name is defined."""

from __future__ import annotations

import inspect

import s3prl_convexprune as cp


def functions_page() -> str:
    return _page(
        "Functions",
        "Every verb of the command line is a function with the verb's arguments.",
        [name for name in dir(cp) if inspect.isfunction(getattr(cp, name))],
    )


def classes_page() -> str:
    classes = [name for name in dir(cp) if inspect.isclass(getattr(cp, name))]
    return _page(
        "Classes and errors",
        "What the functions take and return, and what they raise.",
        sorted(classes, key=lambda name: issubclass(getattr(cp, name), Exception)),
    )


def _page(title: str, text: str, names: list[str]) -> str:
    marks = [f"::: {getattr(cp, name).__module__}.{name}\n" for name in names]
    return "\n".join([f"# {title}\n\n{text}\n", *marks])
