"""The journey every newcomer sees."""

from __future__ import annotations

from tests.platform.running import Platform


def test_the_journey_passes_and_its_login_is_one_trace_of_six_services_with_sql_messages_and_logs(
    platform: Platform,
) -> None:
    result = platform.json("smoke")
    assert result["ok"], result["steps"]
    assert {step["name"].partition(".")[0] for step in result["steps"]} >= {
        "identity", "session", "mfa", "profile", "audit", "notification",
    }  # fmt: skip
    trace = platform.json("trace", result["login_trace"])
    # Whoever consumes the events of a sign-in joins in.
    assert set(trace["services"]) >= {"gateway", "identity", "session", "mfa", "audit", "notification"}
    assert trace["complete"], trace["problems"]
    attributes = [span["attributes"] for span in trace["spans"]]
    assert any(a.get("db.system.name") == "postgresql" for a in attributes)
    assert ("audit", "consumer") in {(span["service"], span["kind"]) for span in trace["spans"]}
    assert any(a.get("messaging.operation.type") == "process" for a in attributes)
    assert any(a.get("rpc.system.name") == "grpc" for a in attributes)
    assert trace["logs"]
    assert trace["critical_path"]["to_response"]
    assert trace["critical_path"]["to_completion"]


def test_what_mongodb_is_asked_is_part_of_a_trace(platform: Platform) -> None:
    steps = platform.json("smoke")["steps"]
    # Audit writes what has come together in one batch, and its span is in the trace of one event of the batch.
    traces = {request["trace_id"] for step in steps for request in step["requests"] if request["trace_id"]}
    systems = {
        span["attributes"].get("db.system.name") for trace in traces for span in platform.json("trace", trace)["spans"]
    }
    assert {"postgresql", "mongodb"} <= systems


def test_no_span_and_no_log_line_holds_a_password_or_a_token(platform: Platform) -> None:
    login = platform.json("smoke")["login_trace"]
    text = platform.run("trace", login, "--format", "json").stdout
    assert "pw-" not in text
    for log in (platform.home / "logs").glob("*.jsonl"):
        if log.stem != "mailbox":  # the mails themselves
            content = log.read_text()
            assert "eyJ" not in content, f"{log} holds a token"
            assert '"password"' not in content, f"{log} holds a password"
