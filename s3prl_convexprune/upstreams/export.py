"""A cut upstream as an ordinary checkpoint, which s3prl loads without this package.

Native families are written in s3prl's own format, ``hf_*`` ones as a folder in transformers' format. Only the kept
layers are read, and nothing appears at the destination before it is whole.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..atomic import TEMPORARY, check_place, explained, with_usual_mode
from ..compat.hf_models import find_model
from ..errors import CheckpointError, ConfigError, ConvexPruneError
from ..outputs import alone
from ..safe_load import read_checkpoint
from ..versions import __version__
from .checkpoint import build_on
from .cut_file import check_layout, layers_in, without_upper_layers
from .entry import ExpertCall, expert_call
from .exported import PROVENANCE, exists, same_file, same_folder, states_cut
from .families import family_of_class, family_of_entry
from .family import Family, check_depth
from .hf_folder import cut_config, cut_weights, read_config, write_cut
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
    final_norm: str = "drop",
    **kwargs: Any,
) -> Export:
    """Write the cut of a hub entry as an ordinary checkpoint.

    Args:
        base_fn: the hub entry of the whole upstream.
        base_name: its name.
        layers: how many transformer layers to keep.
        out: the file (native families) or the new folder (``hf_*``) to write.
        final_norm: an ordinary pre-norm upstream always applies its final LayerNorm, so a pre-norm cut can be
            exported with ``"keep"`` only.
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
    write = _write_folder if family_of_class(call.expert).model_type else _write_file
    with alone(out), explained(out):
        return write(call, call.checkpoint, family, base_name, layers, final_norm, out)


def _write_file(
    call: ExpertCall, checkpoint: str, family: Family, name: str, layers: int, final_norm: str, out: Path
) -> Export:
    states, layout = read_checkpoint(checkpoint), family.layout
    assert layout is not None
    check_layout(name, checkpoint, states, layout)
    whole = layers_in(states, layout)
    check_depth(name, layers, whole, family.first_state)
    cut = without_upper_layers(states, layout, layers)
    config = cut.get(layout.config[0], {})
    _check_final_norm_is_kept(family, name, layers, whole, final_norm, bool(config.get("layer_norm_first")))
    export = Export(name, str(family.loads_with), layers, whole)
    cut[PROVENANCE] = asdict(export)
    if out.exists():
        return _finished(export, out, same_file(out, cut))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.", suffix=TEMPORARY) as folder:
        written = Path(folder) / out.name
        torch.save(cut, written)
        build_on(call, family, name, str(written))
        _put(written, out)
    return export


def _write_folder(
    call: ExpertCall, checkpoint: str, family: Family, name: str, layers: int, final_norm: str, out: Path
) -> Export:
    checkpoint = find_model(checkpoint)
    config = read_config(name, family, checkpoint)
    whole = config[family.counts[0]]
    check_depth(name, layers, whole, family.first_state)
    if layers == 0:
        raise ConfigError(f"{name} cannot be exported without layers: transformers then gives no hidden state")
    _check_final_norm_is_kept(family, name, layers, whole, final_norm, family.has_final_norm(config))
    # s3prl counts states, so LayerDrop is off; transformers 5 gives the last state after the LayerNorm if asked
    export = Export(name, str(family.loads_with), layers, whole)
    config |= {"layerdrop": 0.0, "tie_last_hidden_states": True, PROVENANCE: asdict(export)}
    if out.exists():
        return _finished(
            export,
            out,
            same_folder(out, cut_config(family, config, layers), cut_weights(checkpoint, family, config, layers)),
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.", suffix=TEMPORARY))
    try:
        write_cut(checkpoint, family, config, layers, folder)
        build_on(call, family, name, str(folder))
        _put(with_usual_mode(folder), out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return export


def _finished(export: Export, out: Path, same: bool) -> Export:
    """The same command given again, perhaps after a kill that came right after its end."""
    if not same:
        raise exists(out)
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
