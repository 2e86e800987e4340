"""What the user has said: by arguments, by environment variables, in one TOML file."""

from __future__ import annotations

from .load import OFFLINE, load_config, load_gateway_config, load_image_config
from .settings import (
    ChatConfig,
    Config,
    GatewayConfig,
    ImageConfig,
    KeyConfig,
    LimitsConfig,
    StorageConfig,
    UpstreamConfig,
)

__all__ = [
    "OFFLINE",
    "ChatConfig",
    "Config",
    "GatewayConfig",
    "ImageConfig",
    "KeyConfig",
    "LimitsConfig",
    "StorageConfig",
    "UpstreamConfig",
    "load_config",
    "load_gateway_config",
    "load_image_config",
]
