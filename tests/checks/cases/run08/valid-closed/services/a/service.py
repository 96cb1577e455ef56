SPEC = ServiceSpec(name="a", summary="", port=11000, error_codes=range(1, 2))


def build(settings):
    pool = Pool()
    return Application(SPEC, settings).with_cleanup("pool", pool.close)
