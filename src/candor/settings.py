"""What can be set, from the environment (``CANDOR_…``) or ``candor.toml`` in the data folder.

docs/reference/settings.md is generated from this file by ``candor settings --markdown``; a test keeps the two equal.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from candor.errors import InvalidInput

DATA_FOLDER_NAME = ".candor"


def default_data_folder() -> Path:
    """``.candor`` in the current folder or one above it when there is one, else the user's own data folder."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / DATA_FOLDER_NAME).is_dir():
            return folder / DATA_FOLDER_NAME
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "candor"


def default_to(**values: str | Path) -> None:
    """Settings for this process and its children that hold unless the environment says otherwise."""
    for name, value in values.items():
        os.environ.setdefault(f"CANDOR_{name.upper()}", str(value))


class Settings(BaseSettings):
    """Every setting, with its default."""

    model_config = SettingsConfigDict(env_prefix="CANDOR_", extra="forbid", frozen=True)

    data: Path = Field(
        default_factory=default_data_folder,
        description="The data folder: database, sealed objects, master key. "
        "Without it: `.candor` here or in a folder above, else `~/.local/share/candor`.",
    )
    passphrase: SecretStr | None = Field(
        None, description="Derive the master key from this passphrase instead of the key file; environment only."
    )
    key_file: Path | None = Field(None, description="The master key's file; default `master.key` in the data folder.")
    host: str = Field("127.0.0.1", description="Address to listen on. Use a TLS proxy before opening it to others.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    https: bool = Field(False, description="True behind a TLS proxy: cookies are then sent over https only.")
    workers: int = Field(
        default_factory=lambda: max(1, os.cpu_count() or 1), ge=1, le=256, description="Worker processes."
    )
    session_hours: float = Field(12.0, gt=0, le=720, description="How long a log-in lasts.")
    retry_attempts: int = Field(5, ge=1, le=20, description="How often a stage is tried before it is parked.")
    retry_pause: float = Field(1.0, gt=0, description="Seconds before the second try; doubled for each further one.")
    upload_limit: int = Field(5_000_000_000, gt=0, description="Largest recording that is taken, in bytes.")
    longest_hours: float = Field(4.5, gt=0, le=24, description="Longest recording that is taken, in hours.")
    region: str | None = Field(
        None,
        pattern="^[A-Z]{2}$",
        description="Country (ISO 3166) for reading national telephone numbers; without it only +… is normalised.",
    )
    engine: Literal["moonshine", "faster-whisper", "sherpa-onnx", "onnx-asr"] = Field(
        "moonshine", description="The speech recogniser; see docs/reference/engines.md."
    )
    model: str | None = Field(None, description="The recogniser's model: a name or a folder; default: its own.")
    beam: int = Field(
        5, ge=1, le=16, description="Beam width of the built-in recogniser; 1 is greedy: faster, less exact."
    )
    device: Literal["cpu", "cuda", "auto"] = Field("cpu", description="Where engines that can use a GPU run.")
    vocabulary: tuple[str, ...] = Field(
        (), description="Names and brands that callers say, to help the recogniser (JSON list)."
    )
    meaning: bool = Field(True, description="Use sentence embeddings when their package is installed.")
    scorecard: str = Field("customer-service-basics", description="The scorecard that every conversation is scored by.")
    masking: Literal["tone", "silence"] = Field("tone", description="What replaces masked sound.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged.")
    log_json: bool = Field(True, description="Log as JSON lines; else for reading.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  given by the library, not used here
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        given = init_settings().get("data") or os.environ.get("CANDOR_DATA") or default_data_folder()
        toml = TomlConfigSettingsSource(settings_cls, Path(given) / "candor.toml")
        return init_settings, env_settings, toml

    @property
    def database_url(self) -> str:
        """The product's database."""
        return f"sqlite:///{self.data / 'candor.db'}"

    @property
    def engine_url(self) -> str:
        """The engine's own database."""
        return f"sqlite:///{self.data / 'engine.db'}"


def load(**given: Any) -> Settings:
    """Settings from arguments, environment and file, in this order; raises InvalidInput that names what is wrong."""
    try:
        return Settings(**given)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(part) for part in f['loc'])}: {f['msg']}" for f in error.errors())
        raise InvalidInput(f"A setting is not valid: {faults}.", code="settings.invalid") from None
    except (ValueError, OSError) as error:
        raise InvalidInput(f"The settings file cannot be read: {error}.", code="settings.invalid") from error


def markdown() -> str:
    """The reference page."""
    lines = [
        "# Settings",
        "",
        "From the environment, or as lower-case keys without the prefix in `candor.toml` in the data folder.",
        "The environment wins. An unknown key in the file is an error.",
        "",
        "| variable | default | what it does |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        computed = {"data": "see there", "workers": "one per core"}
        default = computed.get(name) or (
            "none" if field.default is None else f"`{field.default}`" if field.default != () else "none"
        )
        lines.append(f"| `CANDOR_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"
