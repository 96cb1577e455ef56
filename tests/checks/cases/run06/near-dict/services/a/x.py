def f(settings, **options) -> str:
    return settings.host + options.pop('x', '')
