try:
    print()
except Exception as error:
    raise RuntimeError from error
