"""A cut upstream as an ordinary checkpoint, which s3prl loads without this package.

Native families are written in s3prl's own format, ``hf_*`` ones as a folder in transformers' format. Only the kept
layers are read, and nothing appears at the destination before it is whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ..atomic import TEMPORARY, check_place, explained
from ..errors import CheckpointError, ConfigError, ConvexPruneError
from ..outputs import alone
from ..versions import __version__
from .checkpoint import build_on
from .entry import ExpertCall, expert_call
from .exported import exists, states_cut
from .families import all_families, family_of_class, family_of_entry
from .family import Family
from .prune import check_final_norm


@dataclass(frozen=True)
class Export:
    """An exported cut; the checkpoint itself says the same, under the key `PROVENANCE`.

    Attributes:
        base: the upstream that was cut.
        entry: the hub entry of s3prl that loads the cut.
        layers: how many transformer layers it has.
        whole: how many the whole upstream has.
        version: of this package.
    """

    base: str
    entry: str
    layers: int
    whole: int
    version: str = __version__


def export_cut(
    base_fn: Callable[..., nn.Module],
    base_name: str,
    layers: int,
    out: str | Path,
    final_norm: str | None = None,
    **kwargs: Any,
) -> Export:
    """Write the cut of a hub entry as an ordinary checkpoint.

    Args:
        base_fn: the hub entry of the whole upstream.
        base_name: its name.
        layers: how many transformer layers to keep.
        out: the file (native families) or the new folder (``hf_*``) to write.
        final_norm: an ordinary pre-norm upstream always applies its final LayerNorm, so a pre-norm cut can be
            exported with ``"keep"`` only. None: as in `prune.prune_upstream`.
        **kwargs: what the entry takes: ``ckpt``, ``refresh``, ….

    Raises:
        ConfigError: the family has no checkpoint format that could state the cut; or `out` exists already and is not
            this very export, which would be left as it is.
        DepthError: the upstream does not have that many layers, or cannot be cut.
        CheckpointError: the checkpoint is missing, truncated, of another family, or holds code.
        OutputError: `out` cannot be written.
        ArtifactError: another process is exporting to the same place.
    """
    out = Path(out)
    if not out.name or out.name == "..":
        raise ConfigError(f"{out} is no name for an export; give a file, or a new folder for hf_* upstreams")
    with explained(out):
        there_already = out.exists()
    if there_already and not states_cut(out, base_name, layers):
        with suppress(ConvexPruneError), alone(out):
            pass  # one that was killed right after its end left its lock and an empty folder
        raise exists(out)
    if not there_already:
        check_place(out)
    check_final_norm(final_norm)
    family = family_of_entry(base_name, base_fn)
    if family.no_export or not family.loads_with:
        raise ConfigError(f"a cut of {base_name} cannot be exported: {family.no_export}")
    call = expert_call(base_fn, **kwargs)
    if call is None or call.checkpoint is None or call.expert.__name__.startswith("Legacy"):
        raise CheckpointError(f"{base_name} cannot be exported: it does not load a checkpoint of {family.name}")
    with alone(out), explained(out):
        return _export(call, call.checkpoint, family, base_name, layers, family.norm_of_cuts(final_norm), out)


def _export(
    call: ExpertCall, checkpoint: str, family: Family, name: str, layers: int, final_norm: str, out: Path
) -> Export:
    cut = family_of_class(call.expert).stored().cut(name, checkpoint, layers, all_families())
    assert cut is not None  # a family that has no such form says so in `no_export`
    export = Export(name, str(family.loads_with), layers, cut.whole)
    _check_final_norm_is_kept(family, name, layers, cut.whole, final_norm, cut.pre_norm)
    cut.state(asdict(export))
    if out.exists():  # the same command given again, perhaps after a kill that came right after its end
        if not cut.is_at(out):
            raise exists(out)
        return export
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.", suffix=TEMPORARY) as folder:
        written = Path(folder) / out.name
        cut.write(written)
        build_on(call, name, str(written))
        _put(written, out)
    return export


def _put(written: Path, out: Path) -> None:
    """Move the export to its place, unless something has come there meanwhile."""
    if out.exists():
        raise exists(out)
    written.replace(out)


def _check_final_norm_is_kept(
    family: Family, name: str, layers: int, whole: int, final_norm: str, pre_norm: bool
) -> None:
    if family.final_norm and pre_norm and layers < whole and final_norm != "keep":
        raise ConfigError(
            f"{name} is a pre-norm upstream: an ordinary checkpoint of it always applies the final LayerNorm to its "
            "last state; export with final_norm 'keep', or use the cut by its name, which leaves the state as it is"
        )
