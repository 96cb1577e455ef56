"""Mail.

TODO: write more here  expect: DEB01
"""

A = 1  # todo: later, expect: DEB01
B = 2  # Fixme: soon, expect: DEB01
C = 3  # this is a HACK, expect: DEB01
# todo mend this, expect: DEB01
D = 4  # todo(ada): without a day, expect: DEB01


def send():
    """Send.

    - todo: retry, expect: DEB01
    """
