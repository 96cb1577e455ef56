"""Whatever is drained, killed, restarted and scaled in whatever order: after `up` everything is as it should be."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.platform.running import Platform
from tests.platform.sequences import Stage, run_sequences

SEED = 4
FEW = 4  # a hundred are run by `python -m tests.bench sequences`


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A platform and its people, for all sequences of this file."""
    own = Stage(platform=Platform(instance=f"sequences-{os.getpid()}"))
    try:
        own.open()
        yield own
    finally:
        own.close()


@pytest.mark.timeout(
    300
)  # a message in the hands of a replica that was killed and scaled away is taken over after a while
def test_after_random_sequences_of_drains_kills_and_restarts_every_invariant_holds(stage: Stage) -> None:
    run_sequences(stage, FEW, chosen=SEED)
    assert stage.sequences >= FEW
    assert stage.people.registered, "nobody was registered: nothing was shown about what was promised"


def test_what_is_broken_is_seen(stage: Stage) -> None:
    stage.begin()
    stage.ask("drain", services=["profile"])
    stage.ask("scale", replicas={"session": 2})
    stage.people.registered.append("nobody@example.com")
    found = "\n".join(stage.look())
    stage.people.registered.pop()
    assert "profile is stopped" in found
    assert "replicas of session: ['session', 'session-1']" in found
    assert "nobody@example.com was answered 201 and does not exist" in found
    stage.finish()
