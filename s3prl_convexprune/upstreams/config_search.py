"""Where upstream configs lie, and all that are found there; each file is read again only after it has changed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError
from ..resources import upstream_configs_dir
from ..yaml_file import printable
from .config import UpstreamConfig, load_config, reason_of

SEARCH_PATH_VARIABLE = "S3PRL_CONVEXPRUNE_CONFIGS"


def user_configs_dir() -> Path:
    """Where a user's own upstream configs lie, ``~`` not expanded."""
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home, "s3prl_convexprune", "upstream_configs")


def search_path() -> list[Path]:
    """Folders that are searched for upstream configs, in order; those that do not exist are left out.

    The package's own, the user's (`$XDG_CONFIG_HOME/s3prl_convexprune/upstream_configs`), then those that
    the environment variable `S3PRL_CONVEXPRUNE_CONFIGS` names.
    """
    return list(_yaml_files()[0])


def _yaml_files() -> tuple[dict[Path, list[Path]], dict[str, ConfigError]]:
    """The YAML files of every folder of the search path, and the errors of folders that cannot be listed."""
    wanted = [str(upstream_configs_dir())]
    wanted.append(str(user_configs_dir()))
    wanted += filter(None, os.environ.get(SEARCH_PATH_VARIABLE, "").split(os.pathsep))
    found: dict[Path, list[Path]] = {}
    errors: dict[str, ConfigError] = {}
    for text in wanted:
        try:
            folder = Path(text).expanduser()
        except RuntimeError as error:
            if text != wanted[1]:  # who has no home folder has no configs in it
                errors[f"{printable(text)}{os.sep}"] = ConfigError(f"{printable(text)}: is left out: {error}")
            continue
        try:
            folder = folder.resolve()
            if folder not in found:
                names = [entry.name for entry in os.scandir(folder)]
                found[folder] = sorted(folder / name for name in names if name.endswith((".yaml", ".yml")))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, RuntimeError, ValueError) as error:
            errors[f"{printable(text)}{os.sep}"] = ConfigError(f"{printable(text)}: is left out: {reason_of(error)}")
    return found, errors


_read_before: dict[Path, tuple[tuple[int, ...], UpstreamConfig | ConfigError]] = {}


def _read(path: Path) -> UpstreamConfig | ConfigError:
    """`load_config`, or its error; a file is read again only after it has changed."""
    try:
        state = path.stat()
        stamp: tuple[int, ...] = (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    except OSError:
        stamp = ()
    if path not in _read_before or _read_before[path][0] != stamp:
        try:
            found: UpstreamConfig | ConfigError = load_config(path)
        except ConfigError as error:
            found = error
        _read_before[path] = stamp, found
    return _read_before[path][1]


def find_configs() -> tuple[dict[str, UpstreamConfig], dict[str, ConfigError]]:
    """Every config in the search path. A user's goes before one of the same name that ships with the package.

    Returns:
        The usable configs by their name on the hub, and the errors of the others: by file path for a file
        that cannot be used, by name for a name that two of the user's files claim (neither is usable then).
    """
    shipped = upstream_configs_dir().resolve()
    configs: dict[str, UpstreamConfig] = {}
    files, errors = _yaml_files()
    for folder, paths in files.items():
        for path in paths:
            config = _read(path)
            if isinstance(config, ConfigError):
                errors[printable(path)] = config
                continue
            before = configs.get(config.name)
            if before is not None and before.path is not None and folder != before.path.parent == shipped:
                configs[config.name] = replace(config, shadows=before.path)
            elif before is not None:
                errors[config.name] = ConfigError(
                    f"two upstream configs have the name {config.name!r}: {printable(before.path or '')} and "
                    f"{printable(path)}; "
                    "rename one"
                )
            else:
                configs[config.name] = config
    return {name: config for name, config in configs.items() if name not in errors}, errors
