"""`/admin/reports`: what real requests cost, over real HTTP."""

import csv
import io
from typing import Any

import httpx
import pytest

from tests.api.conftest import ADMIN, BOSS, Serve, client_of, issue
from tests.harness import Running, eventually

REPORTS = ("cost", "outcomes", "timeline", "requests")


class Reader:
    """A client of `/admin/reports` with one key."""

    def __init__(self, running: Running, key: str = "") -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=f"{running.url}/admin/reports", headers=headers, timeout=30)

    def __call__(self, path: str, status: int = 200, **query: Any) -> dict[str, Any]:
        """The JSON of the answer, which must have this status."""
        answer = self.raw(path, **query)
        assert answer.status_code == status, answer.text
        return dict(answer.json())

    def raw(self, path: str, **query: Any) -> httpx.Response:
        return self._http.get(f"/{path}", params=query or None)


def ask(running: Running, text: str, feature: str = "faq", key: str = "local") -> str:
    """The id of a request that was answered."""
    answer = client_of(running, api_key=key).chat.completions.with_raw_response.create(
        model="auto",
        messages=[{"role": "user", "content": text}],
        extra_headers={"x-leanserve-feature": feature},
    )
    return str(answer.headers["x-leanserve-request-id"])


@pytest.fixture
def read(running: Running) -> Reader:
    return Reader(running)


def test_what_requests_cost_is_told_by_any_dimensions(running: Running, read: Reader) -> None:
    """A miss, the same again, and a hard one: rows, total, savings, a line in a list, and all of one request."""
    first = ask(running, "What is a river?")
    assert eventually(lambda: read("cost", by="")["total"]["requests"] == 1)
    ask(running, "What is a river?")
    hard = ask(running, "a hard question", feature="triage")
    assert eventually(lambda: read("cost", by="")["total"]["requests"] == 3)
    found = read("cost", by="feature,tier", since="1h")
    assert [(row["feature"], row["tier"], row["requests"]) for row in found["rows"]] == [
        ("triage", "large", 1),
        ("faq", "small", 2),
    ]
    assert found["total"]["micro_usd"] == sum(row["micro_usd"] for row in found["rows"]) > 0
    assert (found["tenant"], found["by"], found["other"]) == ("default", ["feature", "tier"], None)
    listed = read("requests", limit=2)
    assert listed["data"][0]["id"] == hard
    assert [each["id"] for each in read("requests", before=listed["next"])["data"]] == [first]
    one = read(f"requests/{hard}")
    assert one["attempts"][0]["micro_usd"] == one["micro_usd"] == found["rows"][0]["micro_usd"]
    assert listed["data"][0].items() <= one.items()
    series = read("timeline", measures="requests")
    assert {each["feature"]: sum(each["requests"]) for each in series["series"]} == {"faq": 2, "triage": 1}


def test_an_outcome_is_reported_with_its_cost(running: Running, read: Reader) -> None:
    """By its feature and type."""
    done = ask(running, "Solve this.", feature="triage")
    told = httpx.post(f"{running.url}/v1/outcomes", json={"request_id": done, "type": "solved", "success": True})
    assert told.json()["booked"]
    [row] = read("outcomes")["rows"]
    cost = read(f"requests/{done}")["micro_usd"]
    assert (row["feature"], row["type"], row["successes"], row["micro_usd_per_success"]) == (
        "triage",
        "solved",
        1,
        cost,
    )


def test_a_report_is_a_sheet_too(running: Running, read: Reader) -> None:
    """A feature that looks like a formula is text in it, and itself in JSON."""
    ask(running, "What is a river?", feature="=1+1")
    assert eventually(lambda: read("cost", by="")["total"]["requests"] == 1)
    answer = read.raw("cost", format="csv", by="feature,cache")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    [line] = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert (line["feature"], line["cache"], line["requests"]) == ("'=1+1", "miss", "1")
    assert read("cost")["rows"][0]["feature"] == "=1+1"
    assert read.raw("outcomes", format="csv").text.startswith('"feature","type"')
    series = list(csv.DictReader(io.StringIO(read.raw("timeline", format="csv", span="hour").text, newline="")))
    assert {each["feature"] for each in series} == {"'=1+1"}
    assert sum(int(each["requests"]) for each in series) == 1
    assert series[0]["hour"].endswith(":00:00Z")


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("cost?by=session", "by"),
        ("cost?by=feature,backend", "by"),
        ("cost?since=soon", "since"),
        ("cost?since=2999-01-01", "since"),
        ("cost?until=x", "until"),
        ("cost?limit=0", "limit"),
        ("cost?limit=1001", "limit"),
        ("cost?limit=many", "limit"),
        ("cost?format=xml", "format"),
        ("cost?form=csv", "form"),
        ("cost?by=feature&by=tier", "by"),
        ("cost?tenant=%00", "tenant"),
        ("timeline?span=minute", "span"),
        ("timeline?span=hour&since=30d", "span"),
        ("timeline?measures=dollars", "measures"),
        ("timeline?measures=", "measures"),
        ("timeline?limit=51", "limit"),
        ("requests?limit=501", "limit"),
        ("requests?before=me", "before"),
        ("requests?since=1d", "since"),
        ("outcomes?by=feature", "by"),
    ],
)
def test_a_wrong_question_is_answered_with_what_is_wrong(read: Reader, path: str, param: str) -> None:
    """In OpenAI's error format."""
    answer = read.raw(path)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert "Value error" not in error["message"]


@pytest.mark.parametrize("name", ["req-0", "x", "req-" + "f" * 32, "%00", "req-00000000000000000000000000000000"])
def test_a_request_of_nobody_is_not_found(read: Reader, name: str) -> None:
    """Whatever its id looks like."""
    assert read(f"requests/{name}", status=404)["error"]["code"] == "not_found"


def test_reports_are_of_the_keys_tenant(serve: Serve) -> None:
    """An admin sees its own, the operator whom it names, others nothing."""
    running = serve(keys="acme:sk-acme,rival:sk-rival", admin_key=BOSS, strict=True)
    own = ask(running, "What is a river?", key="sk-acme")
    boss = Reader(running, ADMIN["authorization"].removeprefix("Bearer "))
    assert eventually(lambda: boss("cost", tenant="acme", by="")["total"]["requests"] == 1)
    assert boss("cost", by="")["total"]["requests"] == 0
    head = Reader(running, issue(running, admin=True, name="head")["key"])
    assert head("cost", by="")["total"]["requests"] == 1
    assert head(f"requests/{own}")["tenant"] == "acme"
    assert head("cost", status=403, tenant="rival")["error"]["code"] == "forbidden"
    other = Reader(running, issue(running, admin=True, name="head", tenant="rival")["key"])
    other(f"requests/{own}", status=404)
    assert other("requests")["data"] == []
    for path in (*REPORTS, f"requests/{own}"):
        Reader(running, "sk-acme")(path, status=403)
        Reader(running, "none")(path, status=401)
