"""A cut as a folder that plain transformers loads, with a model card; and its way to the Hugging Face hub."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..artifact import Analysis
from ..upstreams.config import UpstreamConfig
from ..upstreams.entry import expert_call
from ..upstreams.export import Export, export_cut
from ..upstreams.exported import PROVENANCE, states_cut
from ..upstreams.families import family_of, family_of_entry
from ..upstreams.names import chosen_layers
from ..upstreams.registry import base_call, build_cut
from ..upstreams.to_transformers import check_kind, to_transformers
from .card import Card, licence_of, read_analysis, read_scores
from .place import check_new, new_folder

USE = """from transformers import AutoFeatureExtractor, AutoModel

extractor = AutoFeatureExtractor.from_pretrained("{where}")
model = AutoModel.from_pretrained("{where}").eval()
inputs = extractor(waveform, sampling_rate=16000, return_tensors="pt")
hidden_states = model(**inputs, output_hidden_states=True).hidden_states  # {states} of them"""


def export_to_transformers(
    config: UpstreamConfig,
    out: str | Path,
    *,
    ckpt: str | None = None,
    analysis: str | Path | None = None,
    results: Sequence[str | Path] = (),
) -> Export:
    """Write a cut as a folder that ``AutoModel`` and ``AutoFeatureExtractor`` load, on transformers 4 and 5.

    Args:
        config: the cut.
        out: the new folder.
        ckpt: the whole upstream's checkpoint; goes before the config's own.
        analysis: the analysis whose curve the model card shows; the config's own where it has one.
        results: grid folders or `results.json` files whose scores the model card shows.

    Raises:
        ConfigError: the family has no such format; the depth has no ordinary form; `out` is something else.
        CheckpointError: the checkpoint cannot be read, or has what transformers' model lacks.
        ArtifactError: the analysis or results cannot be read, or are about another upstream.
        OutputError: `out` cannot be written.
    """
    layers = chosen_layers(config)
    out = check_new(out, lambda there: states_cut(there, config.base, layers))
    entry, layers, arguments = base_call(config, ckpt=ckpt)
    family = family_of_entry(config.base, entry)
    measured = _analysis(config, analysis)
    scores = read_scores(results, config.name, config.base)
    made_for_it = family.stored().for_transformers
    if not made_for_it:
        check_kind(config.name, family.name)
    call = expert_call(entry, **arguments)
    checkpoint = None if call is None else call.checkpoint
    with new_folder(out) as folder:
        if made_for_it:
            made = folder / "made"
            export = export_cut(entry, config.base, layers, made, config.final_norm, **arguments)
            for path in made.iterdir():
                path.replace(folder / path.name)
            shutil.rmtree(made)
        else:
            export = _write_native(config, folder, layers, checkpoint, ckpt)
        card = Card(
            name=config.name,
            base=config.base,
            layers=layers,
            whole=export.whole,
            licence=licence_of(config.base, checkpoint, config.base in family.depths),
            use=USE.format(where=out.name, states=layers + 1),
            provenance=config.provenance,
            analysis=measured,
            scores=scores,
        )
        (folder / "README.md").write_text(card.markdown(), encoding="utf-8")
    return export


def _analysis(config: UpstreamConfig, given: str | Path | None) -> Analysis | None:
    path = given if given is not None else (config.select.analysis if config.select else None)
    return None if path is None else read_analysis(path, config.base)


def _write_native(
    config: UpstreamConfig, folder: Path, layers: int, checkpoint: str | None, ckpt: str | None
) -> Export:
    from ..upstreams.checkpoint import layers_of_checkpoint

    expert = build_cut(config, ckpt=ckpt).eval()
    family = family_of(expert)
    whole = layers_of_checkpoint(checkpoint, family, config.base) if checkpoint else None
    model, extractor = to_transformers(config.name, expert)
    export = Export(config.base, check_kind(config.name, family.name).entry, layers, whole or layers)
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    path = folder / "config.json"
    stated = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**stated, PROVENANCE: asdict(export)}, indent=1), encoding="utf-8")
    return export
