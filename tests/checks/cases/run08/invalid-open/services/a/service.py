SPEC = ServiceSpec(name="a", summary="", port=11000, error_codes=range(1, 2))


def build(settings):
    pool = Pool()  # expect: RUN08
    return Application(SPEC, settings).with_state(pool=pool)
