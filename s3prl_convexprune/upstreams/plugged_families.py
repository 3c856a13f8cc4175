"""Families that other packages add, through the entry-point group ``s3prl_convexprune.families``.

A package states in its metadata where its `Family` is::

    [project.entry-points."s3prl_convexprune.families"]
    my_model = "my_package.family:FAMILY"

Its cuts then work like ours: by name, in an analysis, in costs. A package that fails to load is named in the log and
left out: it must not take the host down.
"""

from __future__ import annotations

import functools
import logging
from importlib.metadata import entry_points

from .family import Family

GROUP = "s3prl_convexprune.families"

logger = logging.getLogger(__name__)


@functools.cache
def plugged_families() -> tuple[Family, ...]:
    """The families that installed packages add, in the order of their names."""
    found = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            family = point.load()
        except Exception as error:  # another package's code can fail in any way
            logger.warning("%s leaves out the family %s (%s): %s", GROUP, point.name, point.value, error)
            continue
        if isinstance(family, Family):
            found.append(family)
        else:
            kind = type(family).__name__
            logger.warning("%s leaves out %s: %s is a %s, not a Family", GROUP, point.name, point.value, kind)
    return tuple(found)
