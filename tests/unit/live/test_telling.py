"""What a process tells of itself: metrics as text, logs without payloads or secrets; and what it is told."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import failpoints
from infra.config import ConfigError, load, secret
from infra.logging import FLOOD_LINES_MAX, FloodGate, configure, logger
from infra.telemetry import Telemetry


def test_metrics_are_told_as_prometheus_text() -> None:
    telemetry = Telemetry("tests")
    telemetry.count("relayed_events_total", 3, {"log": "capacity"})
    telemetry.count("relayed_events_total", 4, {"log": "capacity"})
    telemetry.observe("append_seconds", 0.003, {"log": "usage"})
    telemetry.gauge("lag", lambda: [(5.0, {"consumer": 'a"b'}), (0.5, {})])
    text = telemetry.prometheus()
    assert (
        '# TYPE capledger_relayed_events_total counter\ncapledger_relayed_events_total{log="capacity"} 7'
        in text
    )
    assert 'capledger_append_seconds_bucket{log="usage",le="0.002"} 0' in text
    assert 'capledger_append_seconds_bucket{log="usage",le="0.005"} 1' in text
    assert 'capledger_append_seconds_bucket{log="usage",le="+Inf"} 1' in text
    assert 'capledger_append_seconds_count{log="usage"} 1' in text
    assert 'capledger_lag{consumer="a\\"b"} 5' in text
    assert "capledger_lag 0.5" in text
    telemetry.close()


def test_a_span_without_an_endpoint_hands_the_trace_on() -> None:
    with Telemetry("tests").span("append", "00-ab-cd-01") as traceparent:
        assert traceparent == "00-ab-cd-01"


def lines(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    kept = logging.getLogger().handlers[:]
    found = io.StringIO()
    configure("info", service="tests", stream=found)
    yield found
    logging.getLogger().handlers[:] = kept


def test_a_log_line_is_json_without_payloads_secrets_or_messages_of_errors(out: io.StringIO) -> None:
    log = logger("capledger.tests")
    log.info("told", payload=b"x" * 9, api_token="clk_x", data=b"abc", long="y" * 900, count=3)
    try:
        int("a marker that a tenant sent")
    except ValueError:
        log.exception("failed")
    first, second = lines(out)
    assert first["payload"] == first["api_token"] == "***"
    assert first["data"] == "3 bytes"
    assert len(str(first["long"])) < 600
    assert (first["count"], first["service"], first["level"]) == (3, "tests", "info")
    assert second["error"] == "ValueError"
    assert str(second["place"]).startswith("test_telling.py:")
    assert "marker" not in out.getvalue()


def test_a_flood_of_the_driver_is_let_through_a_few_at_a_time() -> None:
    now = [0.0]
    gate = FloodGate(lambda: now[0])

    def line(name: str) -> logging.LogRecord:
        return logging.LogRecord(name, logging.ERROR, "", 0, "away", (), None)

    passed = sum(gate.filter(line("aiokafka.client")) for _ in range(100))
    assert passed == FLOOD_LINES_MAX
    assert all(gate.filter(line("capledger.live")) for _ in range(100))
    now[0] = 11.0
    record = line("aiokafka.client")
    assert gate.filter(record)
    assert record.getMessage() == "away (95 lines held back)"


def test_a_configuration_is_a_file_with_the_environment_above_it(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("postgres: {dsn: postgresql://a@b/c}\nkafka: {bootstrap: 'b:1'}\nledgers: [live]\n")
    config = load(file, {"CAPLEDGER_KAFKA__PASSWORD": "hush", "CAPLEDGER_HTTP__PORT": "8080", "PATH": "x"})
    assert (config.kafka.password, config.http.port, config.ledgers) == ("hush", 8080, ("live",))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a", "expected names and values"),
        ("postgres: {dsn: x}", "kafka"),
        ("postgres: {dsn: x, dns: y}\nkafka: {bootstrap: x}", "dns"),
        ("{", "config.yaml"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=told):
        load(file, {})


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pepper"
    file.write_text("00ff")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod"):
        secret(str(file))
    file.chmod(0o600)
    assert secret(str(file)) == b"\x00\xff"


async def test_a_failpoint_acts_on_the_time_it_is_set_to() -> None:
    failpoints.configure({"after_append": "raise@2"})
    try:
        await failpoints.reach(failpoints.Failpoint.AFTER_APPEND)
        await failpoints.reach(failpoints.Failpoint.BEFORE_APPEND)
        with pytest.raises(failpoints.FailpointError):
            await failpoints.reach(failpoints.Failpoint.AFTER_APPEND)
        await failpoints.reach(failpoints.Failpoint.AFTER_APPEND)
    finally:
        failpoints.clear()
    with pytest.raises(ValueError, match="explode"):
        failpoints.configure({"after_append": "explode"})
