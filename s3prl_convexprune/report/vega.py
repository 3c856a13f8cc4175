"""The charting library as one script: Vega, Vega-Lite and vega-embed, bundled by the Vega project's own vl-convert.

Making the bundle takes seconds and depends on vl-convert's release alone, so it is kept in the user's cache.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec

from ..atomic import write_text
from ..errors import InstallationError, OutputError
from ..resources import user_cache

SNIPPET = "window.vegaEmbed = vegaEmbed;"
END = "\n// end of the bundle\n"


def check_charts() -> None:
    """Refuse, before any work, a page whose figures could not be drawn.

    Raises:
        InstallationError: with the command that installs what is missing.
    """
    if find_spec("vl_convert") is None:
        raise InstallationError("the page needs vl-convert-python for its figures; pip install vl-convert-python")


@cache
def vega_script() -> str:
    """What a page includes to draw its figures. It needs no network, neither here nor in the browser."""
    path = user_cache() / f"vega-{version('vl-convert-python')}.js"
    with suppress(OSError, UnicodeDecodeError):
        kept = path.read_text(encoding="utf-8")
        if kept.endswith(END):
            return kept
    import vl_convert

    made = vl_convert.javascript_bundle(SNIPPET).replace("</script", "<\\/script") + END
    with suppress(OSError, OutputError):  # without a home that can be written each page costs the seconds
        write_text(path, made)
    return made
