from pydantic_settings import BaseSettings


class Options(BaseSettings):
    """Settings."""

    limit: str = "127.0.0.1"
