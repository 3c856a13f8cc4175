"""What every verb asks before it works: names, depths, checkpoints, folders, the device. In this order, once.

What costs nothing comes first: torch is imported only when everything that can be known without it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..devices import choose_device
from ..errors import CorpusError
from .depth import check_depth
from .families import find_family
from .family import Family
from .hub_names import HubEntry
from .names import check_checkpoint, check_depth_of, chosen_layers, resolve, whole_upstreams


def check(
    upstreams: Iterable[str],
    *,
    ckpt: str | None = None,
    folders: Mapping[str, str | Path | None] | None = None,
    device: str | None = None,
    elsewhere: bool = False,
) -> str | None:
    """Refuse what cannot work, before anything is imported, read or computed.

    Args:
        upstreams: names on s3prl's hub, whole or cut.
        ckpt: what ``-k`` says.
        folders: option -> the folder or file it names; None where it was not given.
        device: what ``--device`` says; None takes the GPU if there is one.
        elsewhere: the work runs on another machine, whose devices are not known here.

    Returns:
        The device; as given where the work runs elsewhere.

    Raises:
        UnknownUpstreamError, DepthError, ConfigError, CheckpointError, ArtifactError: a name that cannot be used.
        CorpusError: a folder that is not there.
        ConfigError: a device that is not there.
    """
    for name in upstreams:
        check_upstream(name, ckpt)
    for option, folder in (folders or {}).items():
        if folder is not None and not Path(folder).expanduser().exists():
            raise CorpusError(f"{option} {folder}: there is no such file or folder")
    return device if elsewhere else choose_device(device)


def check_upstream(name: str, ckpt: str | None = None) -> None:
    """Refuse an upstream that could not be built. Nothing is downloaded: a published checkpoint is not looked at.

    Args:
        name: its name on the hub, whole or cut.
        ckpt: its checkpoint, where one is given.

    Raises:
        UnknownUpstreamError: no such name.
        DepthError: the base, or the checkpoint, does not have that many layers.
        ConfigError: its config cannot be used, or no expert can be built with its arguments.
        CheckpointError: the checkpoint is not there, or is of another family.
        ArtifactError: the analysis that decides its depth cannot be read.
    """
    whole = whole_upstreams()
    if name in whole:
        check_checkpoint(name, ckpt)
        _check_arguments(whole[name], {})
        return
    config = resolve(name)
    given = ckpt if ckpt is not None else config.base_args.get("ckpt")
    check_checkpoint(config.base, given)
    layers, entry = chosen_layers(config), whole[config.base]
    where = f"{config.path}: " if config.path else ""
    check_depth_of(entry, layers, where)
    family = find_family(entry.name, entry.module)
    _check_arguments(entry, config.base_args)
    read_by_s3prl = {"legacy", "fairseq"} & config.base_args.keys()
    if entry.needs_ckpt and given is not None and isinstance(family, Family) and not read_by_s3prl:
        _check_depth_in(str(given), family, config.base, layers, where)


def _check_arguments(entry: HubEntry, arguments: Mapping[str, Any]) -> None:
    family = find_family(entry.name, entry.module)
    if isinstance(family, Family):
        family.check_arguments(arguments)


def _check_depth_in(checkpoint: str, family: Family, base: str, layers: int, where: str) -> None:
    """Refuse a depth that a checkpoint on this machine does not have."""
    if not Path(checkpoint).expanduser().exists():
        return
    from .checkpoint import layers_of_checkpoint

    available = layers_of_checkpoint(checkpoint, family, base)
    if available is not None:
        check_depth(f"{where}{base}", layers, available, family.first_state)
