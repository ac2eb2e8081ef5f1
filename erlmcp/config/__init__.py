"""Configuration: flags over environment over one TOML file over defaults, into the Options of whoever asks.

The only reader of configuration files and of the environment. It knows no section by itself: each package owns its
Options, and the caller says which section is whose.
"""

from erlmcp.config.keys import schema
from erlmcp.config.layers import Config, ConfigError, Row, load

__all__ = ["Config", "ConfigError", "Row", "load", "schema"]
