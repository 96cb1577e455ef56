"""The commands' side of the control socket: plain sockets, no event loop."""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from autional_cli import render
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.peer import peer
from autional_cli.supervisor.process import is_suspended
from autional_cli.supervisor.volumes import holder, is_held

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from autional_cli.instance import Instance

    OnEvent = Callable[[dict[str, Any]], None]

CONNECT_S = 20.0  # for a supervisor that another `up` is starting to listen
ANSWER_S = 30.0  # on top of the deadline that the supervisor itself keeps
EXIT_S = 10.0
TELL_AFTER_S = 2.0
ABSENT_S = 2.0
LOOK_S = 0.5  # between looks at whether who should answer is suspended


class Connection:
    """A connection to the supervisor of an instance. Use it as a context manager."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._rest = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def leave(self) -> None:
        """End the conversation, also from another thread: whoever waits for an answer gets an AutionalError."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def send(self, **message: Any) -> None:
        """Send one request."""
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, timeout_s: float | None) -> dict[str, Any]:
        """Return the next message; None waits for ever, as a follower does.

        AutionalError when the supervisor is gone or says nothing for `timeout_s`.
        """
        try:
            line = self._line(math.inf if timeout_s is None else time.monotonic() + timeout_s)
        except TimeoutError:
            raise AutionalError(
                f"the supervisor said nothing for {timeout_s:.0f} s",
                hint="autional doctor",
                exit_code=ExitCode.WAIT_TIMED_OUT,
            ) from None
        except ConnectionError:
            line = b""
        if not line:
            raise AutionalError(
                "the supervisor ended without an answer",
                hint="its last words are in .autional/<instance>/logs/supervisor.out; start again: autional up",
                exit_code=ExitCode.BACKEND_UNAVAILABLE,
            )
        message: dict[str, Any] = json.loads(line)
        return message

    def _line(self, deadline: float) -> bytes:
        """Return the next line, empty at the end of the stream. TimeoutError past `deadline` (monotonic).

        AutionalError (exit 4) when who should answer is suspended, seen twice: both may just wake from a sleep.
        """
        suspended = 0
        while b"\n" not in self._rest:
            self._socket.settimeout(max(0.001, min(deadline - time.monotonic(), LOOK_S)))
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                if time.monotonic() >= deadline:
                    raise
                suspended = suspended + 1 if is_suspended(peer(self._socket).pid) else 0
                if suspended > 1:
                    raise suspended_error(peer(self._socket).pid) from None
                continue
            if not data:
                return b""
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def request(self, op: str, on_event: OnEvent = lambda _: None, timeout_s: float = 60.0, **fields: Any) -> Any:
        """Ask for an operation and return its result; hand each event to `on_event`. Raises its AutionalError.

        Ctrl-C while an `up` runs asks the supervisor to undo it, and waits for that; a second one leaves at once.
        """
        self.send(op=op, **({"timeout": timeout_s} if math.isfinite(timeout_s) else {}), **fields)
        interrupted = False
        while True:
            try:
                message = self.receive(None if math.isinf(timeout_s) else timeout_s + ANSWER_S)
                if "event" in message:
                    on_event(message)
                    continue
            except KeyboardInterrupt:
                if interrupted or op != "up":
                    raise
                interrupted = True
                self.send(op="cancel")
                continue
            if "error" in message:
                if "ends" in message["error"]:
                    wait_gone(message["error"]["ends"])
                raise failure(message["error"])
            return message.get("result")


def failure(sent: dict[str, Any]) -> AutionalError:
    """Return an error of the protocol as the exception it was."""
    return AutionalError(sent["message"], hint=sent.get("hint"), exit_code=ExitCode(sent.get("exit_code") or 2))


def connect(instance: Instance) -> Connection | None:
    """Return a connection to the running supervisor, or None when there is none.

    One that runs and does not listen (it starts, ends, or makes its deleted socket again) is waited for a moment.
    """
    deadline = time.monotonic() + ABSENT_S
    while True:
        connection = dial(instance)
        if connection or time.monotonic() > deadline or not is_held(instance.home):
            return connection
        time.sleep(0.05)


def dial(instance: Instance) -> Connection | None:
    """Return a connection to who listens at this moment, or None."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(instance.run_dir / "control.sock"))
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        connection.close()
        return None
    return Connection(connection)


def suspended_error(pid: int) -> AutionalError:
    """Return the error for a supervisor that is suspended; the kernel accepts connections in its place."""
    return AutionalError(
        f"the supervisor (pid {pid}) is stopped by a signal (SIGSTOP) or held by a debugger",
        hint=f"kill -CONT {pid}",
        exit_code=ExitCode.BACKEND_UNAVAILABLE,
    )


def require(instance: Instance) -> Connection:
    """Return a connection to the running supervisor; AutionalError (exit 4) when there is none."""
    connection = connect(instance)
    if connection is None:
        raise not_running(instance)
    return connection


def not_running(instance: Instance) -> AutionalError:
    """Return the error for an instance that would have to run."""
    return AutionalError(
        f"instance {instance.name} of {instance.root} is not running",
        hint="autional up",
        exit_code=ExitCode.BACKEND_UNAVAILABLE,
    )


def attach_or_start(instance: Instance, options: Sequence[str] = (), began: float | None = None) -> Connection:
    """Return a connection to the supervisor of `instance`, started if there is none. `options` go to a new one."""
    deadline = time.monotonic() + CONNECT_S
    told = False
    while time.monotonic() < deadline:
        connection = greeted(connect(instance)) or start(instance, options, began)
        if connection:
            return connection
        told = told or await_holder(instance, deadline - time.monotonic() < CONNECT_S - TELL_AFTER_S)
        time.sleep(0.05)  # another `up` won the lock and does not listen yet, or a supervisor is about to end
    raise unreachable(instance, f"did not answer within {CONNECT_S:.0f} s")


def await_holder(instance: Instance, is_long: bool) -> bool:
    """Say for whom is waited, once that takes long; return whether it was said. AutionalError if it is suspended."""
    pid = holder(instance.home)
    if pid and is_suspended(pid):
        raise suspended_error(pid)
    if is_long:
        render.note(
            f"waiting for the supervisor{f' (pid {pid})' if pid else ''}, which starts, ends or does not listen"
        )
    return is_long


def unreachable(instance: Instance, what: str) -> AutionalError:
    """Return the error for a supervisor that holds the instance's lock and cannot be reached."""
    pid = holder(instance.home)
    log = instance.logs_dir / "supervisor.out"
    return AutionalError(
        f"the supervisor of instance {instance.name}{f' (pid {pid})' if pid else ''} holds its lock and {what}",
        hint=f"stop it: kill {pid}, then run the command again; its log: {log}" if pid else f"see {log}",
        exit_code=ExitCode.BACKEND_UNAVAILABLE,
    )


def greeted(connection: Connection | None) -> Connection | None:
    """Return the connection if its supervisor answers; one that is about to end, or was just killed, does not."""
    if connection is None:
        return None
    try:
        connection.request("status", timeout_s=EXIT_S)
    except (AutionalError, OSError):
        connection.__exit__()
        return None
    return connection


def start(instance: Instance, options: Sequence[str] = (), began: float | None = None) -> Connection | None:
    """Start a supervisor that outlives this process and its terminal; None when it found another one."""
    instance.create()
    ours, theirs = socket.socketpair()
    log = os.open(instance.logs_dir / "supervisor.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    command = [sys.executable, "-m", "autional_cli.supervisor", "--root", str(instance.root)]
    command += ["--instance", instance.name, "--client-fd", str(theirs.fileno()), "--began", repr(began or time.time())]
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [*command, *options],
            cwd=instance.root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    os.close(log)
    connection = Connection(ours)
    try:
        said = connection.receive(CONNECT_S)
    except BaseException:
        connection.__exit__()
        raise
    if "hello" in said:
        process.returncode = 0  # it lives on by design: no warning about a child that was not waited for
        return connection
    with connection:
        process.wait(EXIT_S)
    return None


def wait_gone(pid: int, timeout_s: float = EXIT_S) -> bool:
    """Return whether the process `pid` is gone within `timeout_s`."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except (AttributeError, OSError):
        return _poll_gone(pid, timeout_s)
    try:
        return bool(select.select([descriptor], [], [], timeout_s)[0])
    finally:
        os.close(descriptor)


def _poll_gone(pid: int, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
