"""The common ground of all schemas: immutable, and strict about unknown fields."""

from pydantic import BaseModel, ConfigDict


class Schema(BaseModel):
    """An immutable value whose fields are all declared; an unknown field is an error, never dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")
