"""Hub entries that this plugin adds to s3prl's: WavLM and Whisper in transformers' format, and the shipped demo model.

Each takes the arguments that s3prl's own entries take (``ckpt``, ``refresh``, …) and returns an upstream.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import demo
from ..errors import CheckpointError

if TYPE_CHECKING:
    from torch import nn


class LazyExpert:
    """An expert class named by its module, imported when it is called: transformers takes seconds to import.

    Args:
        module: the module that holds a class `UpstreamExpert`.
    """

    def __init__(self, module: str) -> None:
        self.module = module

    def load(self) -> type[nn.Module]:
        """The class itself."""
        return importlib.import_module(self.module).UpstreamExpert

    def __call__(self, *args: Any, **kwargs: Any) -> nn.Module:
        return self.load()(*args, **kwargs)


_HfWavLM = LazyExpert("s3prl_convexprune.upstreams.hf_wavlm")
_HfWhisper = LazyExpert("s3prl_convexprune.upstreams.whisper")
_HfHubert = LazyExpert("s3prl.upstream.hf_hubert.expert")


def hf_wavlm_custom(ckpt: str, *args: Any, **kwargs: Any) -> nn.Module:
    """A WavLM in transformers' format: what s3prl's `hf_hubert_custom` is to HuBERT.

    Args:
        ckpt: a folder with ``config.json``, weights and ``preprocessor_config.json``, or a model id of the
            Hugging Face hub.
    """
    return _HfWavLM(ckpt, *args, **kwargs)


def hf_whisper_custom(ckpt: str, *args: Any, **kwargs: Any) -> nn.Module:
    """The encoder of a Whisper in transformers' format, supervised; its decoder is never read.

    Args:
        ckpt: a folder with ``config.json`` and weights, or a model id of the Hugging Face hub.
    """
    return _HfWhisper(ckpt, *args, **kwargs)


def tiny_hubert(*args: Any, **kwargs: Any) -> nn.Module:
    """The small HuBERT shipped with this package, through s3prl's `hf_hubert_custom`."""
    kwargs.pop("ckpt", None)
    return _HfHubert(str(tiny_hubert_path()), *args, **kwargs)


def tiny_hubert_path() -> Path:
    """The folder of the shipped demo model, in transformers' format.

    Raises:
        CheckpointError: this installation does not have it.
    """
    folder = Path(demo.__file__).with_name("model")
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            "this installation of s3prl-convexprune lacks the demo model; expected demo/model/config.json"
        )
    return folder


BASES: dict[str, Callable[..., nn.Module]] = {
    "hf_wavlm_custom": hf_wavlm_custom,
    "hf_whisper_custom": hf_whisper_custom,
    "tiny_hubert": tiny_hubert,
}
