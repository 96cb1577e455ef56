def loaded(*, name):
    return __import__(name)
