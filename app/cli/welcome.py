"""What `leanserve up` says while it starts and when it is ready."""

from collections.abc import Callable, Sequence

from rich.markup import escape

TAIL_CHARS = 80

READY_TEXT = """\
LeanServe is ready at {address}
{key}

  curl -i {address}/v1/chat/completions -H 'Authorization: Bearer {shown}' -H 'Content-Type: application/json' \\
    -d '{{"model": "auto", "messages": [{{"role": "user", "content": "What is the capital of France?"}}]}}'

  {imports}from openai import OpenAI

  client = OpenAI(base_url="{address}/v1", api_key={quoted})
  raw = client.chat.completions.with_raw_response.create(
      model="auto", messages=[{{"role": "user", "content": "What is the capital of France?"}}]
  )
  print(raw.parse().choices[0].message.content)
  print("US dollars:", raw.headers["x-leanserve-cost-usd"])

Logs: {logs}{metrics}
Ctrl-C stops it."""


LOCAL_WORDS = {
    "key": "No key is configured: the key is `local`, an admin's, for any tenant. This key works on loopback only.",
    "shown": "local",
    "imports": "",
    "quoted": '"local"',
}
OWN_WORDS = {
    "key": "The key is one of yours; below it is the environment's LEANSERVE_API_KEY.",
    "shown": "'\"$LEANSERVE_API_KEY\"'",
    "imports": "import os\n  ",
    "quoted": 'os.environ["LEANSERVE_API_KEY"]',
}


def welcome(address: str, logs: Sequence[str], metrics: Sequence[str] = (), *, local: bool) -> str:
    """The address, how to use it, with which key, and where the logs and the metrics are."""
    words = LOCAL_WORDS if local else OWN_WORDS
    scraped = "".join(f"\nMetrics: /metrics of each ingress replica, {each}" for each in metrics)
    return READY_TEXT.format(address=address, logs="\n      ".join(logs), metrics=scraped, **words)


class Ticker:
    """Shows the elapsed seconds and the last line of the log."""

    def __init__(self, show: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._show, self._clock, self._began = show, clock, clock()

    def __call__(self, last_line: str) -> None:
        """One tick."""
        tail = escape(last_line.strip()[:TAIL_CHARS])
        self._show(f"starting, {self._clock() - self._began:.0f} s [dim]{tail}[/]")
