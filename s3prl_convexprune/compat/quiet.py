"""What other packages say while they are imported or load weights, and nobody who runs our commands can act on.

Not a remedy: nothing works differently. Our console scripts call it; a host's own program keeps its words.
"""

from __future__ import annotations

import functools
import logging
import sys
import warnings
from types import ModuleType

from .._importhook import on_import

#: s3prl's hub says at every import that ESPnet's upstreams need ESPnet; whoever asks for one is told then.
LOGGERS = ("s3prl.upstream.espnet_hubert.expert",)

#: What torch and torchaudio remark about s3prl's own code.
REMARKS = (
    "Support for mismatched key_padding_mask and attn_mask is deprecated",
    ".*set_audio_backend has been deprecated",
)


@functools.cache
def hush() -> None:
    """Keep third-party import messages, deprecation notes and weight-loading bars off the terminal."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    if not sys.warnoptions:
        for kind in (DeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", kind)
        for words in REMARKS:
            warnings.filterwarnings("ignore", message=words)
    on_import("transformers.utils.logging", after=_no_loading_bars)


def _no_loading_bars(module: ModuleType) -> None:
    from huggingface_hub.utils import enable_progress_bars

    module.disable_progress_bar()  # which also switches off those of downloads: they stay
    enable_progress_bars()
