def f(settings) -> str:
    return settings.host
