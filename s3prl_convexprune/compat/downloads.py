"""s3prl's downloads: a failure is one line with the URL, and a server's error page is no checkpoint.

s3prl tries urllib, then requests, and shows both tracebacks. It does not look at the status of the second answer, so
that the page of a 404 would be kept as the checkpoint from then on.
"""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

from .._importhook import on_import
from ..errors import CheckpointError
from .remedy import Remedy


def patch() -> None:
    on_import("s3prl.util.download", after=_mend)


def _mend(module: Any) -> None:
    download, get = module._download, module.requests.get

    @functools.wraps(get)
    def get_or_raise(*args: Any, **kwargs: Any) -> Any:
        answer = get(*args, **kwargs)
        answer.raise_for_status()
        return answer

    @functools.wraps(download)
    def _download(filepath: Any, url: str, *args: Any, **kwargs: Any) -> None:
        try:
            download(filepath, url, *args, **kwargs)
        except Exception as error:
            raise CheckpointError(
                f"{url} cannot be downloaded ({reason(error)}); if you have the file, give it with -k (ckpt=... in "
                "Python) to an entry that takes one, hubert_custom in place of hubert"
            ) from None

    module.requests = SimpleNamespace(get=get_or_raise)
    module._download = module.download = _download


def reason(error: BaseException) -> str:
    """The innermost cause of a failed request, in one line: networking libraries wrap it three times."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        inner = getattr(error, "reason", None) or error.__cause__ or next(iter(error.args), None)
        if not isinstance(inner, BaseException):
            break
        error = inner
    return (" ".join(str(error).split()) or type(error).__name__)[:200]


REMEDY = Remedy(
    name="downloads",
    target="s3prl.util.download",
    why="a checkpoint that cannot be downloaded is one line with its URL instead of two tracebacks, and the error page "
    "of a server is not kept as a checkpoint",
    needed=lambda: True,
    patch=patch,
)
