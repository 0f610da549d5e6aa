"""Settings of an installation: defaults < curator.toml < environment < command line.

Settings of a project (guideline, gates) live in the database; settings of a training live in its `TrainConfig`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from curator.errors import SettingsError


def _listed(value: object) -> object:
    """A list that the environment writes with commas."""
    return [each.strip() for each in value.split(",") if each.strip()] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]


class Settings(BaseSettings):
    """Where the workspace is and how it is served. Environment names are `CURATOR_` and the field in capitals."""

    model_config = SettingsConfigDict(env_prefix="CURATOR_", toml_file="curator.toml", extra="forbid", frozen=True)

    workspace: Path = Path("workspace")
    """Folder of the workspace."""
    database_url: str | None = None
    """SQLAlchemy URL of a PostgreSQL database; by default SQLite in the workspace folder."""
    lease_minutes: float = Field(default=30, gt=0)
    """How long a claimed record stays with its annotator without a sign of life."""
    host: str = "127.0.0.1"
    """Address that the server listens on."""
    port: int = Field(default=8501, ge=0, le=65535)
    """Port that the server listens on; 0 takes a free one."""

    sign_in: bool = False
    """Ask everyone to sign in even before the first account exists; always so on an address that others can reach."""
    allowed_hosts: Names = ()
    """Further names under which browsers reach the server, as in `curator.example.org` or `*.example.org`."""
    trusted_proxies: Names = ()
    """Addresses of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    max_upload_mb: int = Field(default=2000, gt=0)
    """Largest file that a lead may upload, in MB; a million rows of Alpaca data are about 850."""
    max_uploads_mb: int = Field(default=4000, gt=0)
    """What the server keeps of all uploads together, in MB of its memory."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order of precedence, strongest first."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(**overrides: object) -> Settings:
    """The settings in force; keyword arguments that are not None win over every other source.

    Raises:
        SettingsError: A value of `curator.toml`, the environment or the command line cannot be used.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SettingsError(
            f"Setting {name} cannot be used: {first['msg']} (value {first['input']!r}).",
            hint=f"Correct {name} in curator.toml, in CURATOR_{name.upper()} or on the command line.",
        ) from error
