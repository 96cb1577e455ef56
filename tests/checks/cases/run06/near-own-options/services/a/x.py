def f(self, settings) -> str:
    settings.model_dump()
    return settings.host + self._options.limit + resettings.other
