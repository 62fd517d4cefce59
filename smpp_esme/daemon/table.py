"""A table of the configuration: no key that it does not know, no value in its errors, and secrets from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator, model_validator

Seconds = Annotated[float, Field(gt=0, le=86_400)]

#: No file of secrets is larger, in octets.
_LIMIT: Final = 1 << 14
_ALLOWED: Final = "a file with the secret alone, in UTF-8"


class Table(BaseModel):
    """One table.

    A secret may stand in a file of its own: where there are `password` and `password_file`, the first is read from the
    second, whenever the configuration is read, unless it is given itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _with_secrets(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        absent = [key for key in cls.secrets() if not values.get(key)]
        paths = {key: values.get(f"{key}_file") for key in absent}
        return values | {
            key: _secret(f"{key}_file", path) for key, path in paths.items() if path and isinstance(path, str)
        }

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_boolean(cls, value: Any, info: ValidationInfo) -> Any:
        """Let true and false be no numbers: pydantic would read them as 1 and 0."""
        kind = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and kind in {int, float}:
            raise ValueError(f"is {str(value).lower()}; a number")
        return value

    @classmethod
    def secrets(cls) -> list[str]:
        """The keys of what may stand in a file of its own."""
        fields = cls.model_fields
        return [key for key, field in fields.items() if field.annotation is SecretStr and f"{key}_file" in fields]


def _secret(key: str, path: str) -> str:
    """What is in a file, without the end of its line.

    Raises:
        ValueError: names the key and the file, and shows nothing of what is in it.
    """
    try:
        with Path(path).open("rb") as file:
            octets = file.read(_LIMIT + 1)
    except (OSError, ValueError) as error:  # ValueError: no system has such a path
        raise ValueError(f"{key}: {path!r}: {getattr(error, 'strerror', None) or error}; {_ALLOWED}") from None
    try:
        secret = octets.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{key}: {path!r} is not UTF-8; {_ALLOWED}") from None
    if not secret or len(octets) > _LIMIT:
        raise ValueError(f"{key}: {path!r} is {'too large' if secret else 'empty'}; {_ALLOWED}")
    return secret
