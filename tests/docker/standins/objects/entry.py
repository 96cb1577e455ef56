"""Stands in for Versity's S3 gateway: OpenStack Swift on one node with its S3 interface on 9000, data below /data.

Takes ROOT_ACCESS_KEY, ROOT_SECRET_KEY and the users in VGW_IAM_DIR as it starts; each has an account of Swift's own, so
that buckets are apart. Four servers of Swift run beside each other; the end of one ends all.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

DATA, ETC, LOG = Path("/data"), Path("/etc/swift"), Path("/tmp/log")
PORTS = {"object": 6200, "container": 6201, "account": 6202}
BACKEND = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
user = swift
log_address = /tmp/log
devices = /data
mount_check = false
swift_dir = /etc/swift
fallocate_reserve = 0
disable_fallocate = true
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
log_requests = false
[{name}-replicator]
[{name}-updater]
[{name}-auditor]
"""
PROXY = """\
[DEFAULT]
bind_ip = 0.0.0.0
bind_port = 9000
workers = 0
user = swift
log_address = /tmp/log
swift_dir = /etc/swift
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats bulk s3api names tempauth slo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:11211
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
min_segment_size = 5242880
allow_multipart_uploads = true
check_bucket_owner = false
dns_compliant_bucket_names = false
[filter:names]
paste.filter_factory = names:filter_factory
[filter:tempauth]
use = egg:swift#tempauth
{users}
[filter:slo]
use = egg:swift#slo
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
object_post_as_copy = false
"""


def pass_on(log: socket.socket) -> None:
    """Write what is worse than a notice to stderr."""
    while message := log.recv(1 << 16):
        priority, _, text = message.partition(b">")
        if int(priority.strip(b"<") or 0) & 7 <= 4:
            os.write(2, text.rstrip(b"\0") + b"\n")


def await_port(port: int) -> None:
    """Return when somebody listens; the proxy says no to everything until then."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 1)):
            return
        time.sleep(0.05)


def main() -> int:
    """Configure, start, wait."""
    users = {os.environ["ROOT_ACCESS_KEY"]: os.environ.pop("ROOT_SECRET_KEY")}
    known = json.loads((Path(os.environ["VGW_IAM_DIR"]) / "users.json").read_bytes())["accessAccounts"]
    users |= {name: account["secret"] for name, account in known.items()}
    (ETC / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_prefix = standin\nswift_hash_path_suffix = standin\n"
    )
    for name, port in PORTS.items():
        (ETC / f"{name}-server.conf").write_text(BACKEND.format(name=name, port=port))
    proxy = ETC / "proxy-server.conf"
    proxy.touch(0o600)
    lines = (f"user_{name}_{name} = {secret} .admin" for name, secret in users.items())
    proxy.write_text(PROXY.format(users="\n".join(lines)))
    (DATA / "swift").mkdir(exist_ok=True)
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)  # Swift logs to syslog only
    LOG.unlink(missing_ok=True)
    log.bind(str(LOG))
    threading.Thread(target=pass_on, args=(log,), daemon=True).start()
    servers = [subprocess.Popen([f"/usr/bin/swift-{name}-server", str(ETC / f"{name}-server.conf")]) for name in PORTS]
    servers.append(subprocess.Popen(["memcached", "-l", "127.0.0.1", "-U", "0", "-m", "16"]))
    for port in PORTS.values():
        await_port(port)
    servers.append(subprocess.Popen(["/usr/bin/swift-proxy-server", str(proxy)]))

    def stop(*_: object) -> None:
        for server in servers:
            server.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    os.wait()
    stop()
    for server in servers:
        server.wait()
    return 0


sys.exit(main())
