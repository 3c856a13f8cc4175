"""The upload of an exported folder to the Hugging Face hub, which happens only when it was asked for."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError, OutputError
from ..versions import PROGRAM


def check_repository(repository: str) -> None:
    """Refuse, before any work, an upload that could not work. Nothing is asked of the network.

    Args:
        repository: ``user/name`` on the Hugging Face hub.

    Raises:
        ConfigError: that is no repository's name, or there is no token to write with.
    """
    from huggingface_hub import get_token
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repository)
    except ValueError as error:
        raise ConfigError(f"--push-to-hub {repository}: {' '.join(str(error).split())}") from None
    if "/" not in repository:
        raise ConfigError(f"--push-to-hub {repository}: expected user/name, such as me/{repository}")
    if get_token() is None:
        raise ConfigError("--push-to-hub: there is no token to write with; run 'hf auth login', or set HF_TOKEN")


def push(folder: str | Path, repository: str) -> str:
    """Upload a folder as a model repository; a new one is private until its owner says otherwise.

    Args:
        folder: an exported cut.
        repository: ``user/name``.

    Returns:
        The repository's address.

    Raises:
        ConfigError: see `check_repository`.
        OutputError: the hub refuses, or cannot be reached; the folder stays as it is.
    """
    check_repository(repository)
    from huggingface_hub import HfApi
    from huggingface_hub.utils import HfHubHTTPError

    hub = HfApi(library_name=PROGRAM)
    try:
        address = hub.create_repo(repository, exist_ok=True, private=True)
        hub.upload_folder(repo_id=repository, folder_path=folder, commit_message="A cut by s3prl-convexprune")
    except (HfHubHTTPError, OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise OutputError(f"{folder} was written but not uploaded to {repository}: {reason}") from error
    return str(address)
