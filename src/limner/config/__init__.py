"""What the user has said: by arguments, by environment variables, in one TOML file."""

from __future__ import annotations

from .load import OFFLINE, load_config, load_image_config
from .settings import ChatConfig, Config, ImageConfig, LimitsConfig, StorageConfig

__all__ = [
    "OFFLINE",
    "ChatConfig",
    "Config",
    "ImageConfig",
    "LimitsConfig",
    "StorageConfig",
    "load_config",
    "load_image_config",
]
