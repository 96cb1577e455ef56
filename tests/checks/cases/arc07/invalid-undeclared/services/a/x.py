import starlette  # expect: ARC07
import package_that_is_nowhere  # expect: ARC07
