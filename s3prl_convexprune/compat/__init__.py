"""The only package that patches third-party modules: s3prl 0.4.18 on today's torch, torchaudio and huggingface_hub.

Each remedy is a module of its own with a `Remedy` called ``REMEDY``. A remedy is applied only where its `needed()`
finds the original missing, so on a stack that s3prl was written for most of them do nothing.

>>> from s3prl_convexprune import compat
>>> [report.name for report in compat.apply()][:2]
['torchaudio_library', 'audio_backend']
"""

from __future__ import annotations

from . import (
    ast_head,
    asv_recipe,
    audio_backend,
    audio_files,
    audio_paths,
    checkpoint_code,
    distributed,
    distutils_util,
    downloads,
    hf_last_state,
    hf_models,
    hf_weights,
    hub_local,
    hub_login,
    ks_order,
    ks_sampler,
    runner_setup,
    sid_cache,
    sox_effects,
    torchaudio_library,
    whole_weights,
)
from .remedy import Remedy, Report

REMEDIES: tuple[Remedy, ...] = (
    torchaudio_library.REMEDY,  # first: the next ones import torchaudio
    checkpoint_code.REMEDY,
    audio_backend.REMEDY,
    sox_effects.REMEDY,
    audio_files.REMEDY,
    audio_paths.REMEDY,
    hub_login.REMEDY,
    ks_order.REMEDY,
    ks_sampler.REMEDY,
    sid_cache.REMEDY,
    asv_recipe.REMEDY,
    distributed.REMEDY,
    hf_last_state.REMEDY,
    hf_weights.REMEDY,
    whole_weights.REMEDY,
    ast_head.REMEDY,
    hf_models.REMEDY,
    downloads.REMEDY,
    hub_local.REMEDY,
    distutils_util.REMEDY,
)

_reports: list[Report] = []
_started: list[bool] = []


def apply() -> list[Report]:
    """Apply the remedies that this stack needs, once a process. Call it before ``import s3prl.hub``.

    Returns:
        One report a remedy, in the order of `REMEDIES`; the same list at every call.
    """
    if not _started:  # remedies import modules whose import calls this
        _started.append(True)
        _reports.extend(remedy.apply() for remedy in REMEDIES)
    return _reports


__all__ = ["REMEDIES", "Remedy", "Report", "apply", "runner_setup"]
