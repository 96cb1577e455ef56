"""Just enough of the S3 protocol to make a bucket: obstore reads and writes objects, but makes no buckets.

Signature Version 4 as documented (Amazon S3 API reference, "Authenticating Requests: Using the Authorization Header").
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
from datetime import UTC, datetime

from autional_cli.ports import LOOPBACK
from autional_cli.resources.connection import NotReadyError

REGION = "us-east-1"
ANSWER_S = 30.0
SIGNED = "host;x-amz-content-sha256;x-amz-date"
EMPTY = hashlib.sha256(b"").hexdigest()
MADE, CONFLICT = 200, 409
OURS_ALREADY = b"BucketAlreadyOwnedByYou"  # BucketAlreadyExists: somebody else's


def make_bucket(port: int, bucket: str, key: str, secret: str) -> None:
    """Create a bucket unless it is there. OSError when nobody answers, NotReadyError with the server's words."""
    status, answer = request(port, "PUT", f"/{bucket}", key, secret)
    if status != MADE and not (status == CONFLICT and OURS_ALREADY in answer):
        raise NotReadyError(f"{status}: {answer.decode(errors='replace')[:300]}")


def request(port: int, method: str, path: str, key: str, secret: str) -> tuple[int, bytes]:
    """Send a request without a body."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ANSWER_S)
    try:
        connection.request(method, path, headers=signed(f"{LOOPBACK}:{port}", method, path, key, secret))
        response = connection.getresponse()
        return response.status, response.read()
    except http.client.HTTPException as failure:
        raise ConnectionError(f"{type(failure).__name__}: {failure}") from failure
    finally:
        connection.close()


def signed(host: str, method: str, path: str, key: str, secret: str) -> dict[str, str]:
    """Return the headers that sign a request."""
    now = datetime.now(UTC)
    day, stamp = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
    headers = f"host:{host}\nx-amz-content-sha256:{EMPTY}\nx-amz-date:{stamp}\n"
    canonical = f"{method}\n{path}\n\n{headers}\n{SIGNED}\n{EMPTY}"
    scope = f"{day}/{REGION}/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signing = f"AWS4{secret}".encode()
    for part in (day, REGION, "s3", "aws4_request"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    signature = hmac.digest(signing, to_sign.encode(), "sha256").hex()
    return {
        "x-amz-date": stamp,
        "x-amz-content-sha256": EMPTY,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={SIGNED}, Signature={signature}",
    }
