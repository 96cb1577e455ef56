"""When a crashed unit is started again, and when that is given up. Pure: the caller passes the time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Exponential delays in seconds, from `first_s` to `most_s`.

    They begin anew after `calm_s` of readiness. `limit` crashes within `window_s` without ever being ready in between
    mean that starting again cannot help.
    """

    first_s: float = 0.1
    most_s: float = 5.0
    calm_s: float = 30.0
    window_s: float = 30.0
    limit: int = 5
    _delay: float = field(default=0.0, init=False)
    _fruitless: deque[float] = field(default_factory=deque, init=False)

    def crashed(self, *, now: float, ready_for: float | None) -> float | None:
        """Return the delay before the next start, or None to give up.

        `ready_for` is how long the unit was ready before it crashed; None if it never was in this run.
        """
        if ready_for is None:
            self._fruitless.append(now)
            while self._fruitless and now - self._fruitless[0] > self.window_s:
                self._fruitless.popleft()
            if len(self._fruitless) >= self.limit:
                return None
        else:
            self._fruitless.clear()
            if ready_for >= self.calm_s:
                self._delay = 0.0
        self._delay = min(self._delay * 2, self.most_s) if self._delay else self.first_s
        return self._delay
