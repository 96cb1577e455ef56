"""Nodes of a cluster on one machine: engines in network namespaces, joined by a bridge. Needs root.

Everything is named after this process and removed by `Cluster.close`: namespaces, bridge, routes, rules, engines by
their process ids, and what they stored.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

START_S = 60.0
STOP_S = 20.0
COMMAND_S = 120.0
MISSING = [name for name in ("dockerd", "containerd", "docker", "ip", "nsenter", "iptables") if not shutil.which(name)]


def run(*words: str, stdin: bytes = b"", timeout_s: float = COMMAND_S) -> str:
    """Run a command that must succeed and return what it prints."""
    done = subprocess.run(words, input=stdin, capture_output=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr.decode()}"
    return done.stdout.decode().strip()


@dataclass
class Node:
    """One engine in its own network namespace."""

    name: str
    address: str
    home: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def socket(self) -> Path:
        """Where the engine listens."""
        return self.home / "docker.sock"

    @property
    def containerd(self) -> Path:
        """Where its containerd listens."""
        return self.home / "containerd.sock"

    @property
    def is_alive(self) -> bool:
        """Whether it was started and not lost."""
        return bool(self.processes)

    def start(self) -> None:
        """Start containerd and dockerd; wait until the engine answers."""
        self.home.mkdir(mode=0o700)
        inside = ("nsenter", f"--net=/run/netns/{self.name}")
        config = self.home / "containerd.toml"
        config.write_text(
            f'version = 2\nroot = "{self.home}/containerd"\nstate = "{self.home}/run-containerd"\n'
            f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{self.containerd}"\n'
        )
        self.spawn(*inside, "containerd", "--config", str(config))
        self.until(self.containerd.exists, "containerd")
        self.spawn(
            *inside,
            "dockerd",
            *("--data-root", str(self.home / "data"), "--exec-root", str(self.home / "exec")),
            *("--pidfile", str(self.home / "pid"), "--host", f"unix://{self.socket}"),
            *("--containerd", str(self.containerd), "--cgroup-parent", f"/{self.name}"),
        )
        self.until(lambda: self.socket.exists() and self.answers(), "dockerd")

    def spawn(self, *words: str) -> None:
        """Start a process of the node; what it says goes into its log."""
        with (self.home / "log").open("ab") as log:
            self.processes.append(subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True))

    def until(self, holds: object, what: str) -> None:
        """Wait until `holds()`; fails with the node's log."""
        assert callable(holds)
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if holds():
                return
            assert all(process.poll() is None for process in self.processes), self.log()
            time.sleep(0.1)
        raise AssertionError(f"{what} of {self.name} did not answer within {START_S:g} s\n{self.log()}")

    def log(self) -> str:
        """Return the end of what its processes said."""
        return (self.home / "log").read_text(errors="replace")[-3000:]

    def answers(self) -> bool:
        """Whether the engine answers."""
        command = ("docker", "-H", f"unix://{self.socket}", "version")
        return subprocess.run(command, capture_output=True, timeout=COMMAND_S, check=False).returncode == 0

    def docker(self, *words: str, stdin: bytes = b"", timeout_s: float = COMMAND_S) -> str:
        """Run a command against this engine."""
        return run("docker", "-H", f"unix://{self.socket}", *words, stdin=stdin, timeout_s=timeout_s)

    def kill(self) -> None:
        """Lose the node: engine, containerd and everything in its containers end at once, without a word."""
        for process in reversed(self.processes):
            process.kill()
        shims = self.shims()
        family = [member for shim in shims for member in (*shim.children(recursive=True), shim)]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=STOP_S)
        for process in self.processes:
            process.wait(STOP_S)
        self.processes.clear()

    def shims(self) -> list[psutil.Process]:
        """Return the processes that hold this node's containers."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                words = process.cmdline()
                if words and "containerd-shim" in words[0] and any(word.startswith(str(self.home)) for word in words):
                    found.append(process)
        return found

    def close(self) -> None:
        """End what runs and remove what it stored; an orderly end would take a minute and leave nothing more tidy."""
        self.kill()
        self.unmount()
        shutil.rmtree(self.home, ignore_errors=True)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, timeout=COMMAND_S, check=False)
        for controller in Path("/sys/fs/cgroup").glob(f"**/{self.name}"):
            for folder in sorted((controller, *controller.glob("**/")), reverse=True):
                with suppress(OSError):
                    folder.rmdir()

    def unmount(self) -> None:
        """Unmount what the engine left mounted below its folder, the innermost first."""
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((mount for mount in mounts if mount.startswith(str(self.home))), reverse=True):
            subprocess.run(["umount", "-l", mount], capture_output=True, timeout=COMMAND_S, check=False)


class Cluster:
    """A bridge, and nodes on it. `gateway` is this machine's address there; `sources` are further ones of its own."""

    def __init__(self, size: int) -> None:
        number = os.getpid() % 200
        self.home = Path(tempfile.mkdtemp(prefix="autional-nodes-"))
        self.bridge = f"autbr{os.getpid()}"
        self.gateway = f"10.213.{number}.1"
        self.sources = f"10.{214 + os.getpid() % 40}"
        names = [f"autn{index}-{os.getpid()}" for index in range(1, size + 1)]
        self.nodes = [
            Node(name, f"10.213.{number}.{10 + index}", self.home / name) for index, name in enumerate(names, 1)
        ]

    def start(self) -> None:
        """Make the network, then start every engine."""
        run("ip", "link", "add", self.bridge, "type", "bridge")
        run("ip", "addr", "add", f"{self.gateway}/24", "dev", self.bridge)
        run("ip", "link", "set", self.bridge, "up")
        run("ip", "route", "add", "local", f"{self.sources}.0.0/16", "dev", "lo")  # every client an address of its own
        run("iptables", "-I", "FORWARD", "-i", self.bridge, "-j", "ACCEPT")  # an engine of the machine forbids it
        for node in self.nodes:
            self.connect(node)
        for node in self.nodes:
            node.start()

    def connect(self, node: Node) -> None:
        """Make a node's namespace and connect it to the bridge."""
        inner, outer = "eth0", f"v{node.name}"[:15]
        run("ip", "netns", "add", node.name)
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", node.name)
        run("ip", "link", "set", outer, "master", self.bridge, "up")
        inside = ("ip", "-n", node.name)
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "addr", "add", f"{node.address}/24", "dev", inner)
        run(*inside, "link", "set", inner, "up")
        run(*inside, "route", "add", "default", "via", self.gateway)

    def close(self) -> None:
        """Remove everything."""
        for node in self.nodes:
            node.close()
        for words in (
            ("iptables", "-D", "FORWARD", "-i", self.bridge, "-j", "ACCEPT"),
            ("ip", "route", "del", "local", f"{self.sources}.0.0/16", "dev", "lo"),
            ("ip", "link", "del", self.bridge),
        ):
            subprocess.run(words, capture_output=True, timeout=COMMAND_S, check=False)
        shutil.rmtree(self.home, ignore_errors=True)


def terminate(process: subprocess.Popen[str]) -> None:
    """End a helper process of a test."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait(STOP_S)
    if process.stdout is not None:
        process.stdout.close()
