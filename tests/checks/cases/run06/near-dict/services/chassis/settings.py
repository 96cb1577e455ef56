from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    """Settings."""

    host: str = "127.0.0.1"
