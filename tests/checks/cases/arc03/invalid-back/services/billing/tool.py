import autional_cli.render  # expect: ARC03
from tests import helpers  # expect: ARC03
