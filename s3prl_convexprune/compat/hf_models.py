"""Models in transformers' format are found without a request that nobody asked for, and without minutes of retries.

s3prl's ``hf_*`` experts load the extractor of another model from the network where a folder has none, and
huggingface_hub asks an unreachable site six times for each file. Here a folder is a folder; a model id is asked for
once, and taken from huggingface_hub's cache where the site does not answer.
"""

from __future__ import annotations

import functools
import json
import logging
import sys
from pathlib import Path
from typing import Any

from .._importhook import on_import
from ..errors import CheckpointError
from .downloads import reason
from .remedy import Remedy

logger = logging.getLogger("s3prl_convexprune")

EXPERTS = ("s3prl.upstream.hf_hubert.expert", "s3prl.upstream.hf_wav2vec2.expert")
EXTRACTOR = "preprocessor_config.json"
SECONDS = 10


def find_model(checkpoint: str) -> str:
    """Where a model is: a folder, or its id if the Hugging Face hub answers, or else the folder of the cache.

    Args:
        checkpoint: a folder, or a model id.

    Raises:
        CheckpointError: it is no folder, and the hub does not answer and the cache does not have it.
    """
    folder = Path(checkpoint).expanduser()
    if folder.is_dir():
        return str(folder)
    if folder.exists():
        raise CheckpointError(f"{checkpoint} is a file; expected a folder in transformers' format")
    import huggingface_hub as hub
    from huggingface_hub.utils import get_session

    try:
        url = hub.hf_hub_url(checkpoint, "config.json")
        cached = hub.try_to_load_from_cache(checkpoint, "config.json")
    except ValueError as error:
        raise CheckpointError(f"{checkpoint} is neither a folder nor a model id: {error}") from None
    try:
        get_session().head(url, timeout=SECONDS)
    except Exception as error:
        if isinstance(cached, str):
            return str(Path(cached).parent)
        raise CheckpointError(
            f"{url} cannot be reached ({reason(error)}); give the model's folder with -k (ckpt=... in Python)"
        ) from None
    return checkpoint


def find_file(checkpoint: str, name: str) -> Path | None:
    """A file of a model, or None if it has no such file. `checkpoint` as `find_model` gives it.

    Raises:
        CheckpointError: the model cannot be read.
    """
    folder = Path(checkpoint)
    if folder.is_dir():
        return folder / name if (folder / name).is_file() else None
    from transformers.utils import cached_file

    try:
        found = cached_file(checkpoint, name, _raise_exceptions_for_missing_entries=False)
    except OSError as error:
        raise CheckpointError(f"{checkpoint}: {str(error).splitlines()[0]}") from error
    return None if found is None else Path(found)


def check_object(checkpoint: str, name: str) -> None:
    """Refuse a JSON file of a model, if it has it, that holds something else than an object. What is no JSON passes.

    Raises:
        CheckpointError: it does; transformers would say that a list has no keys, and not where.
    """
    path = find_file(checkpoint, name)
    try:
        content = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is no JSON object; expected what transformers writes there")


def read_extractor(checkpoint: str) -> Any:
    """The feature extractor of a model, which states whether its waveforms are normalised.

    A model that does not state it is normalised, as facebook's HuBERT and wav2vec 2.0 models all are, and a warning
    says so. Where a family's models differ, it is refused.

    Args:
        checkpoint: as `find_model` gives it.

    Raises:
        CheckpointError: the file is missing and the family's models differ, or it cannot be read.
    """
    from transformers import Wav2Vec2FeatureExtractor

    if find_file(checkpoint, EXTRACTOR) is None and find_file(checkpoint, "processor_config.json") is None:
        config = find_file(checkpoint, "config.json")
        if config is not None and json.loads(config.read_text(encoding="utf-8")).get("model_type") == "wavlm":
            raise CheckpointError(
                f'{checkpoint} has no {EXTRACTOR}; write {{"do_normalize": false}} there for WavLM Base and Base+, '
                "true for Large"
            )
        logger.warning(
            "%s has no %s: waveforms are normalised, as HuBERT's and wav2vec 2.0's all are", checkpoint, EXTRACTOR
        )
        return Wav2Vec2FeatureExtractor()
    check_object(checkpoint, EXTRACTOR)
    check_object(checkpoint, "processor_config.json")
    try:
        extractor = Wav2Vec2FeatureExtractor.from_pretrained(checkpoint)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{checkpoint}: {' '.join(str(error).split())[:300]}") from None
    if not isinstance(extractor.do_normalize, bool):
        raise CheckpointError(
            f"{checkpoint}: do_normalize of {EXTRACTOR} is {str(extractor.do_normalize)[:40]!r}; expected true or false"
        )
    return extractor


class Extractors:
    """What an expert of s3prl asks for its extractor. Its second question, for another model's, is not passed on."""

    @staticmethod
    def from_pretrained(checkpoint: str) -> Any:
        failed = sys.exc_info()[1]  # s3prl asks for the other model's while it handles this one's failure
        if failed is not None:
            raise failed
        return read_extractor(checkpoint)


def patch() -> None:
    for expert in EXPERTS:
        on_import(expert, after=_mend)


def _mend(module: Any) -> None:
    module.Wav2Vec2FeatureExtractor = Extractors
    build = module.UpstreamExpert.__init__

    @functools.wraps(build)
    def __init__(self: Any, ckpt: str, *args: Any, **kwargs: Any) -> None:
        build(self, find_model(str(ckpt)), *args, **kwargs)

    module.UpstreamExpert.__init__ = __init__


REMEDY = Remedy(
    name="hf_models",
    target="s3prl.upstream.hf_hubert.expert, s3prl.upstream.hf_wav2vec2.expert",
    why="s3prl's hf_* upstreams ask the network for another model's extractor where a folder has none, and "
    "huggingface_hub asks an unreachable site six times a file",
    needed=lambda: True,
    patch=patch,
)
