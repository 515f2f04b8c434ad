"""A whole file is read and validated at once; what is wrong is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.config.load import load
from app.errors import ConfigError

CONFIGS = Path(__file__).parents[3] / "configs"
Document = dict[str, Any]


def changed(folder: Path, change: Callable[[Document], object]) -> Path:
    """ci.yaml with one change."""
    document = yaml.safe_load((CONFIGS / "ci.yaml").read_text())
    change(document)
    path = folder / "serve.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def args(document: Document) -> Document:
    """The identity."""
    found: Document = document["applications"][0]["args"]
    return found


def policy(document: Document) -> Document:
    """The policy."""
    found: Document = document["applications"][0]["deployments"][0]["user_config"]
    return found


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_shipped_configuration_loads(path: Path) -> None:
    """Nothing that we ship is refused, and each has a tier and a price for it."""
    file = load(path)
    assert file.gateway.tiers
    assert file.policy.prices
    assert file.address.startswith("http://127.0.0.1:")


WRONG: dict[str, tuple[Callable[[Document], object], str, str]] = {
    "thresholds that fall": (
        lambda d: policy(d).update(routing={"thresholds": {"small": 0.9, "large": 0.1}}),
        "routing.thresholds",
        "small < large",
    ),
    "a deployment that is none": (
        lambda d: d["applications"][0]["deployments"][0].update(name="Ingres"),
        "deployments",
        "Ingres",
    ),
    "unknown key in args": (lambda d: args(d).update(tires=[]), "args.tires", "Extra inputs"),
    "unknown key in a backend": (
        lambda d: args(d)["tiers"][0]["backends"][0].update(token=1),
        "args.tiers.0.backends.0.echo.token",
        "Extra inputs",
    ),
    "unknown key in the policy": (lambda d: policy(d).update(budget=[]), "Ingress.user_config.budget", "Extra inputs"),
    "unknown kind of backend": (
        lambda d: args(d)["tiers"][0]["backends"][0].update(kind="magic"),
        "args.tiers.0.backends.0",
        "magic",
    ),
    "unknown light stage": (lambda d: args(d)["serve"].update(rooter={}), "args.serve.rooter", "router"),
    "no tiers": (lambda d: args(d).update(tiers=[]), "args.tiers", "at least 1 item"),
    "no args": (lambda d: d["applications"][0].pop("args"), "args.tiers", "required"),
    "missing price": (lambda d: policy(d)["prices"].pop("large"), "prices", "large/echo"),
    "price of no backend": (
        lambda d: policy(d)["prices"].update({"small/vllm": {"input": "1", "output": "1"}}),
        "prices",
        "small/vllm",
    ),
    "negative price": (
        lambda d: policy(d)["prices"]["small"].update(input="-1"),
        "Ingress.user_config.prices.small.input",
        "greater than or equal to 0",
    ),
    "duplicate names": (lambda d: args(d)["tiers"][1].update(name="small"), "args", "distinct"),
    "duplicate models": (lambda d: args(d)["tiers"][1].update(model="echo-small"), "args", "distinct"),
    "a tier called auto": (lambda d: args(d)["tiers"][0].update(name="auto"), "args", "distinct"),
    "threshold above one": (
        lambda d: policy(d).update(routing={"thresholds": {"small": 1.5}}),
        "Ingress.user_config.routing.thresholds.small",
        "less than or equal to 1",
    ),
    "similarity below zero": (
        lambda d: policy(d).update(cache={"threshold": -0.1}),
        "Ingress.user_config.cache.threshold",
        "greater than or equal to 0",
    ),
    "bad regex": (
        lambda d: policy(d).update(normalizer={"rules": [{"name": "ticket", "pattern": "(["}]}),
        "Ingress.user_config.normalizer.rules.0.pattern",
        "",
    ),
    "a budget without a limit": (
        lambda d: policy(d).update(budgets=[{"tenant": "x"}]),
        "Ingress.user_config.budgets.0",
        "tokens",
    ),
    "a key of a model that is not there": (
        lambda d: policy(d).update(keys=[{"name": "app", "sha256": "0" * 64, "models": ["none-such"]}]),
        "keys.0.models",
        "none-such",
    ),
    "two applications": (lambda d: d["applications"].append(d["applications"][0]), "applications", "exactly one"),
    "no application": (lambda d: d.pop("applications"), "applications", "exactly one"),
    "deployments that are no list": (
        lambda d: d["applications"][0].update(deployments={"Ingress": {}}),
        "deployments",
        "must list",
    ),
    "a policy that is text": (
        lambda d: d["applications"][0]["deployments"][0].update(user_config="cheap"),
        "Ingress.user_config",
        "dictionary",
    ),
}


@pytest.mark.parametrize(("change", "place", "reason"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_file_says_where_and_why(
    change: Callable[[Document], object], place: str, reason: str, tmp_path: Path
) -> None:
    """The message begins with the file, then the place, then the reason."""
    path = changed(tmp_path, change)
    with pytest.raises(ConfigError) as error:
        load(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert place in message
    assert reason in message


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    """Two typos cost one attempt, not two."""
    path = changed(tmp_path, lambda d: args(d).update(tires=[], plaice={}))
    with pytest.raises(ConfigError, match=r"args\.tires: .*; args\.plaice: "):
        load(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("applications: [", "is not YAML"),
        ("- a list", "one mapping with `applications`"),
        ("", "one mapping with `applications`"),
        ("a: 1\n---\nb: 2\n", "one mapping with `applications`"),
        ("kind: RayService\n", "spec.serveConfigV2: must be the text"),
        ("kind: RayService\nspec: {serveConfigV2: {a: 1}}\n", "spec.serveConfigV2: must be the text"),
        ("kind: RayService\nspec: {serveConfigV2: 'a: ['}\n", "spec.serveConfigV2: is not YAML"),
        ("kind: RayService\n---\nkind: RayService\n", "manifests with one RayService"),
    ],
)
def test_what_is_no_configuration_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    """Bad YAML, other documents and half manifests."""
    path = tmp_path / "file.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert reason in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read"):
        load(tmp_path / "nowhere.yaml")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """Instead of a UnicodeDecodeError."""
    (tmp_path / "image.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "image.yaml")


def test_the_ray_service_is_found_among_other_manifests() -> None:
    """One truth: the manifest's serveConfigV2 is configs/gpu.yaml, which stands in it four spaces in."""
    embedded, gpu = load(CONFIGS / "rayservice.yaml"), load(CONFIGS / "gpu.yaml")
    assert embedded.document == gpu.document, "indent configs/gpu.yaml by four spaces into spec.serveConfigV2"
    assert (embedded.gateway, embedded.policy) == (gpu.gateway, gpu.policy)


def test_a_file_without_a_policy_still_needs_prices(tmp_path: Path) -> None:
    """Nothing is free because a section was forgotten."""
    path = changed(tmp_path, lambda d: d["applications"][0].pop("deployments"))
    with pytest.raises(ConfigError, match="prices: none for small/echo, large/echo"):
        load(path)


def test_the_address_is_one_that_this_machine_can_call(tmp_path: Path) -> None:
    """A server on all interfaces is reached on loopback; defaults are Ray Serve's own."""
    path = changed(tmp_path, lambda d: d["http_options"].update(host="0.0.0.0", port=9))
    assert load(path).address == "http://127.0.0.1:9"
    assert load(changed(tmp_path, lambda d: d.pop("http_options"))).address == "http://127.0.0.1:8000"


@pytest.mark.parametrize("port", ["eighty", None, [80]])
def test_a_port_that_is_no_number_is_refused(tmp_path: Path, port: object) -> None:
    """In one line, as all else that is wrong."""
    wrong = load(changed(tmp_path, lambda d: d["http_options"].update(port=port)))
    with pytest.raises(ConfigError, match=r"http_options\.port"):
        _ = wrong.address
