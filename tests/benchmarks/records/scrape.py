"""What the metrics of the ingress replicas say: each answers for itself, behind one address they would take turns."""

import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException

import psutil
from prometheus_client.parser import text_string_to_metric_families

_TOKENS, _USD, _REQUESTS = "leanserve_tokens_total", "leanserve_cost_usd_total", "leanserve_requests_total"
_LOST = "leanserve_records_dropped_total"


@dataclass(slots=True)
class Counted:
    """Of one replica, all tenants: requests that ended, tokens and money of attempts, records that found no room."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    dropped: int = 0

    @property
    def micro_usd(self) -> int:
        """Prometheus counts in floats: sums of millionths that are far from their precision."""
        return round(self.usd * 1_000_000)


def scraped(pids: list[int]) -> dict[str, Counted]:
    """By replica, of those processes; one that answers no scrape is left out."""
    found: defaultdict[str, Counted] = defaultdict(Counted)
    for pid in pids:
        _read(_metrics(pid), found)
    return dict(found)


def _metrics(pid: int) -> str:
    return next((text for port in _ports(pid) if (text := _asked(port))), "")


def _ports(pid: int) -> Iterator[int]:
    for each in psutil.Process(pid).net_connections(kind="tcp"):
        if each.status == psutil.CONN_LISTEN:
            yield each.laddr.port


def _asked(port: int) -> str:
    """Empty for what speaks something else there, as Ray's own ports do."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = str(answer.read().decode())
    except (HTTPException, OSError, ValueError):
        return ""
    return text if _LOST in text else ""


def _read(text: str, found: defaultdict[str, Counted]) -> None:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            counted = found[sample.labels["replica"]]
            if sample.name == _REQUESTS:
                counted.requests += int(sample.value)
            elif sample.name == _TOKENS and sample.labels["gen_ai_token_type"] == "input":
                counted.input_tokens += int(sample.value)
            elif sample.name == _TOKENS:
                counted.output_tokens += int(sample.value)
            elif sample.name == _USD:
                counted.usd += sample.value
            elif sample.name == _LOST:
                counted.dropped += int(sample.value)
