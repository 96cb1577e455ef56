"""Stack files: what is right is merged, what is wrong is named with its place and a suggestion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.workspace.discover import discover
from autional_cli.workspace.load import load_stack, stack_names
from autional_cli.workspace.locate import find_root

from .made import SPECS, write_stack

if TYPE_CHECKING:
    from pathlib import Path

VALID = """\
version: 1
description: A test
services:
  gateway: {}
  identity: {replicas: 2, env: {LEVEL: debug, WORKERS: 3}}
  session:
    needs: [mfa]
  mfa:
resources:
  postgres: {settings: {work_mem: 8MB, jit: false}}
"""


def test_a_valid_stack_is_read(tmp_path: Path) -> None:
    write_stack(tmp_path, "x", VALID)
    stack = load_stack(tmp_path, "x", SPECS)
    assert list(stack.services) == ["gateway", "identity", "session", "mfa"]
    assert stack.services["identity"].replicas == 2
    assert stack.services["identity"].env == {"LEVEL": "debug", "WORKERS": "3"}
    assert stack.services["session"].needs == ("mfa",)
    assert stack.settings("postgres") == {"work_mem": "8MB", "jit": False}
    assert stack.settings("mongo") == {}
    assert stack.driver == "embedded"


def test_a_stack_that_extends_another_wins_key_by_key(tmp_path: Path) -> None:
    write_stack(tmp_path, "base", VALID)
    write_stack(
        tmp_path,
        "x",
        """\
        version: 1
        extends: base
        services:
          identity: {env: {LEVEL: info}}
        resources:
          postgres: {settings: {jit: true}}
          redis: {}
        """,
    )
    stack = load_stack(tmp_path, "x", SPECS)
    assert stack.services["identity"].replicas == 2
    assert stack.services["identity"].env == {"LEVEL": "info", "WORKERS": "3"}
    assert stack.settings("postgres") == {"work_mem": "8MB", "jit": True}
    assert stack.services["session"].needs == ("mfa",)
    assert stack.description == ""


def test_anchors_aliases_and_merge_keys_work(tmp_path: Path) -> None:
    write_stack(
        tmp_path,
        "x",
        """\
        version: 1
        services:
          identity: &common
            env: &env {LEVEL: debug}
          session: *common
          mfa:
            <<: *common
            replicas: 3
          gateway: {env: {<<: *env, LEVEL: info}}
        """,
    )
    stack = load_stack(tmp_path, "x", SPECS)
    assert stack.services["session"].env == {"LEVEL": "debug"}
    assert (stack.services["mfa"].replicas, stack.services["mfa"].env) == (3, {"LEVEL": "debug"})
    assert stack.services["gateway"].env == {"LEVEL": "info"}


# what is written → what the error must say
WRONG = {
    "a misspelt key at the top": (
        "version: 1\nservises: {}\n",
        "2:1: unknown key 'servises'; did you mean 'services'?",
    ),
    "a misspelt key of a service": (
        "version: 1\nservices:\n  identity:\n    replica: 2\n",
        "4:5: unknown key 'replica'; did you mean 'replicas'?",
    ),
    "a misspelt key of a resource": (
        "version: 1\nresources:\n  postgres: {seting: {}}\n",
        "3:14: unknown key 'seting'; did you mean 'settings'?",
    ),
    "a key that resembles none": (
        "version: 1\nservices:\n  identity: {xyzzy: 1}\n",
        "3:14: unknown key 'xyzzy'; known: env, needs, replicas",
    ),
    "a wrong type": (
        "version: 1\nservices:\n  identity: {replicas: many}\n",
        "3:24: services.identity.replicas: should be a valid integer, not 'many'",
    ),
    "a number out of range": (
        "version: 1\nservices:\n  identity: {replicas: 0}\n",
        "3:24: services.identity.replicas: should be greater than or equal to 1, not 0",
    ),
    "too many replicas": ("version: 1\nservices:\n  identity: {replicas: 9}\n", "less than or equal to 5, not 9"),
    "a list where a mapping belongs": ("version: 1\nservices: [identity]\n", "2:11: services: should be a valid "),
    "a boolean in an environment": (
        "version: 1\nservices:\n  identity: {env: {DEBUG: yes}}\n",
        "3:27: services.identity.env.DEBUG: should be a valid string, not True",
    ),
    "a name that no variable can have": (
        "version: 1\nservices:\n  identity: {env: {a-b: x}}\n",
        "3:20: services.identity.env.a-b: not a name of an environment variable",
    ),
    "an unknown service": (
        "version: 1\nservices:\n  gateway: {}\n  identify: {}\n",
        "4:3: unknown service 'identify'; did you mean 'identity'?",
    ),
    "an unknown resource": (
        "version: 1\nresources:\n  postgre: {}\n",
        "3:3: unknown resource 'postgre'; did you mean 'postgres'?",
    ),
    "an unknown driver": ("version: 1\ndriver: embeded\n", "2:9: unknown driver 'embeded'; did you mean 'embedded'?"),
    "an unknown driver of a resource": (
        "version: 1\nresources:\n  redis: {driver: kubernetes}\n",
        "3:19: unknown driver 'kubernetes'; known: docker, embedded, external",
    ),
    "an image that means another one tomorrow": (
        "version: 1\nresources:\n  redis: {driver: docker, image: redis:latest}\n",
        "3:34: resources.redis.image: an image needs a tag or a digest, and not 'latest'",
    ),
    "an image without a tag": (
        "version: 1\nresources:\n  redis: {image: 'localhost:5000/redis'}\n",
        "3:18: resources.redis.image: an image needs a tag or a digest",
    ),
    "a size that is none": (
        "version: 1\nresources:\n  redis: {memory: much}\n",
        "3:19: resources.redis.memory: not a size such as 512m or 2g",
    ),
    "an external resource without a url": (
        "version: 1\nresources:\n  redis: {driver: external}\n",
        "3:10: redis is external and needs a `url`",
    ),
    "a url for a server that we run": (
        "version: 1\nresources:\n  redis: {url: 'redis://h'}\n",
        "3:11: a `url` needs `driver: external`",
    ),
    "a url of another kind": (
        "version: 1\nresources:\n  redis: {driver: external, url: 'http://h'}\n",
        "3:34: the url of redis begins with redis://, rediss://",
    ),
    "an image for a server that is not ours": (
        "version: 1\nresources:\n  redis: {driver: external, url: 'redis://h', image: 'redis:8'}\n",
        "3:47: `image` is for the driver docker",
    ),
    "a Jaeger without Docker": (
        "version: 1\nresources:\n  jaeger: {driver: embedded}\n",
        "3:20: without Docker, traces are kept by the platform itself; leave this entry out",
    ),
    "no version": ("services: {}\n", "1:1: the key 'version' is missing"),
    "another version": ("version: 2\n", "1:10: version is 2; this release reads version 1"),
    "a duplicate key": (
        "version: 1\nservices:\n  identity: {}\n  identity: {replicas: 2}\n",
        "4:3: duplicate key 'services.identity', first given in line 3",
    ),
    "a tab": ("version: 1\nservices:\n\tidentity: {}\n", "3:1: a tab where YAML wants spaces"),
    "a syntax error": ("version: 1\nservices: {identity: {}\n", "3:1: "),
    "two documents": ("version: 1\n---\nversion: 1\n", "2:1: "),
    "an unknown anchor": ("version: 1\nservices: *nothing\n", "2:11: found undefined alias 'nothing'"),
    "an alias that contains itself": (
        "version: 1\nservices: &a {identity: *a}\n",
        "2:11: an alias that contains itself",
    ),
    "a tag of Python's": ("version: !!python/object/apply:os.getcwd []\n", "1:10: "),
    "a key that is not a string": ("version: 1\nservices: {1: {}}\n", "2:12: key '1' is not a string; quote it"),
    "a date that does not exist": ("version: 2026-02-30\n", "1:10: "),
    "not a mapping": ("- a\n- b\n", "1:1: a stack is a mapping that begins with 'version: 1'"),
    "nothing": ("", "1:1: a stack is a mapping that begins with 'version: 1'"),
    "bytes that are not text": ("version: \x01\n", "1:1: not valid YAML: "),
    "an unknown stack to extend": ("version: 1\nextends: logn\n", "2:10: unknown stack 'logn'; did you mean 'login'?"),
    "itself to extend": ("version: 1\nextends: x\n", "2:10: extends in a circle: x → x"),
    "a need that the stack lacks": (
        "version: 1\nservices:\n  identity: {}\n  session: {needs: [identiti]}\n",
        "4:21: session needs 'identiti', which this stack does not have; did you mean 'identity'?",
    ),
    "a need of itself": ("version: 1\nservices:\n  mfa: {needs: [mfa]}\n", "3:17: mfa needs itself"),
    "a circle of needs": (
        "version: 1\nservices:\n  mfa: {needs: [session]}\n  session: {needs: [mfa]}\n",
        "3:17: a circle of needs and calls: mfa → session → mfa",
    ),
    "a circle of a need and a call": (
        "version: 1\nservices:\n  identity: {}\n  session: {needs: [identity]}\n",
        "4:21: a circle of needs and calls: identity → session → identity",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, case: str) -> None:
    text, message = WRONG[case]
    write_stack(tmp_path, "login", "version: 1\n")
    (tmp_path / "stacks" / "x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(AutionalError) as caught:
        load_stack(tmp_path, "x", SPECS)
    assert caught.value.exit_code is ExitCode.CONFIGURATION
    assert caught.value.message.startswith("stacks/x.yaml:")
    assert message in caught.value.message


def test_all_mistakes_of_a_file_are_reported_in_order(tmp_path: Path) -> None:
    write_stack(tmp_path, "x", "version: 1\nservices:\n  mfa: {replicas: x}\n  session: {nedes: []}\ndriver: z\n")
    with pytest.raises(AutionalError) as caught:
        load_stack(tmp_path, "x", SPECS)
    places = [line.split(": ")[0] for line in caught.value.message.splitlines()]
    assert places == ["stacks/x.yaml:3:19", "stacks/x.yaml:4:13", "stacks/x.yaml:5:9"]


def test_a_mistake_in_an_extended_file_is_named_there(tmp_path: Path) -> None:
    write_stack(tmp_path, "base", "version: 1\nservices:\n  identify: {}\n")
    write_stack(tmp_path, "x", "version: 1\nextends: base\n")
    with pytest.raises(AutionalError, match=r"stacks/base\.yaml:3:3: unknown service 'identify'"):
        load_stack(tmp_path, "x", SPECS)


def test_a_circle_of_three_stacks_is_named(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        write_stack(tmp_path, name, f"version: 1\nextends: {other}\n")
    with pytest.raises(AutionalError, match="extends in a circle: a → b → c → a"):
        load_stack(tmp_path, "a", SPECS)


def test_a_file_larger_than_a_mebibyte_is_refused(tmp_path: Path) -> None:
    write_stack(tmp_path, "x", "version: 1\n#" + "x" * (1 << 20))
    with pytest.raises(AutionalError, match=r"stacks/x\.yaml:1:1: is larger than 1 MiB"):
        load_stack(tmp_path, "x", SPECS)


def test_aliases_that_multiply_are_refused_at_once(tmp_path: Path) -> None:
    lines = ["version: 1", "a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))]
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "x.yaml").write_text("\n".join(lines))
    with pytest.raises(AutionalError, match="more than 20000 values, aliases included"):
        load_stack(tmp_path, "x", SPECS)


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    write_stack(tmp_path, "x", "a: " + "[" * 5000 + "]" * 5000)
    with pytest.raises(AutionalError, match="nested too deeply"):
        load_stack(tmp_path, "x", SPECS)


def test_an_unknown_stack_is_answered_with_a_suggestion(tmp_path: Path) -> None:
    write_stack(tmp_path, "full", "version: 1\n")
    with pytest.raises(AutionalError, match=r"there is no stack 'ful' in .*; did you mean 'full'\?") as caught:
        load_stack(tmp_path, "ful", SPECS)
    assert caught.value.exit_code is ExitCode.CONFIGURATION


@pytest.mark.parametrize("name", ["../x", "a/b", "/etc/passwd", ""])
def test_a_stack_is_a_name_and_never_a_path(tmp_path: Path, name: str) -> None:
    write_stack(tmp_path, "full", "version: 1\n")
    (tmp_path / "x.yaml").write_text("version: 1\n")
    with pytest.raises(AutionalError):
        load_stack(tmp_path / "stacks" / "..", name, SPECS)


def test_the_stacks_of_this_repository_are_valid() -> None:
    root = find_root()
    services = discover(root)
    for name in stack_names(root):
        load_stack(root, name, services)
    login = load_stack(root, "login", services)
    assert set(login.services) == {"gateway", "identity", "session", "mfa", "audit", "notification"}
    assert set(load_stack(root, "full", services).services) == {*login.services, "profile"}
