"""The change of each finding is one that a configuration takes, and that makes the setting what the rule says."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from app.audit.change import as_yaml, prefix_caches
from app.audit.finding import Change
from app.audit.notes import MOST_FEATURES, OTHER
from app.audit.sins.verbosity import GRACE, TIMES
from app.config.gateway import GatewayConfig
from app.config.load import ServeFile, load, load_policy
from tests.unit.audit.test_sins import audit_of, seeded
from tests.unit.audit.traffic import SINS, Ask, Traffic

CONFIGS = Path(__file__).parents[3] / "configs"


def merged(into: Any, part: Any) -> Any:
    """`part` over `into`: mappings by key, lists of named things by name, other lists added."""
    if isinstance(into, dict) and isinstance(part, dict):
        return {**into, **{key: merged(into[key], value) if key in into else value for key, value in part.items()}}
    if isinstance(into, list) and isinstance(part, list):
        named = {each["name"]: each for each in part if "name" in each}
        return [{**each, **named.get(each.get("name"), {})} for each in into] if named else [*into, *part]
    return part


def applied(change: Change, folder: Path, config: str = "ci.yaml") -> ServeFile:
    """A shipped configuration with the change, as an operator would write it."""
    document = yaml.safe_load((CONFIGS / config).read_text())
    application = document["applications"][0]
    ingress = application["deployments"][0]
    ingress["user_config"] = merged(ingress["user_config"], yaml.safe_load(as_yaml(change.policy) or "{}"))
    application["args"] = merged(application["args"], yaml.safe_load(as_yaml(change.args) or "{}"))
    path = folder / "serve.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return load(path)


@pytest.mark.parametrize("sin", SINS)
def test_the_change_loads(sin: str, tmp_path: Path) -> None:
    """By itself as a policy, and in a whole file; and it changes something."""
    traffic = Traffic(1)
    SINS[sin](traffic)
    [finding] = audit_of(traffic.records).findings
    alone = tmp_path / "policy.yaml"
    alone.write_text(as_yaml(finding.change.policy))
    assert load_policy(alone) != load(CONFIGS / "ci.yaml").policy.model_copy(update={"version": "1"})
    before, after = load(CONFIGS / "ci.yaml"), applied(finding.change, tmp_path)
    assert (before.policy, before.gateway) != (after.policy, after.gateway)


def change_of(sin: str, folder: Path) -> ServeFile:
    """The configuration after the change of a sin by itself."""
    traffic = Traffic(1)
    SINS[sin](traffic)
    [finding] = audit_of(traffic.records).findings
    return applied(finding.change, folder)


def test_what_the_changes_set(tmp_path: Path) -> None:
    """The very rule that the finding was found by."""
    policies = {sin: change_of(sin, tmp_path).policy for sin in SINS}
    assert policies["agent_loops"].for_feature("robot").sessions.loops.repeats == 3
    assert policies["context_amnesia"].for_feature("help").cache.exact
    assert policies["one_model_for_all"].for_feature("mail").routing.named == "ceiling"
    assert policies["one_model_for_all"].routing.named == "obeyed"
    output = policies["verbose_output"].for_feature("check").output
    assert (output.brief_times, output.brief_grace) == (TIMES, GRACE)
    patience = policies["retry_spiral"].attempts
    assert (patience.first_token_timeout_s, patience.breaker_failures, patience.breaker_reset_s) == (120, 2, 60)
    assert policies["retry_spiral"].for_feature("batch").routing.min_tier == "large"


def test_a_budget_is_what_a_day_costs_without_the_sin() -> None:
    """To the micro-dollar above."""
    traffic = Traffic(1)
    SINS["retrieval_firehose"](traffic)
    [finding] = audit_of(traffic.records).findings
    left = sum(record.micro_usd for record in traffic.records) - finding.micro_usd
    [rule] = finding.change.policy["budgets"]
    assert rule == {"feature": "wiki", "usd": f"{left / 1_000_000:.6f}", "window": "day", "on_limit": "downgrade"}


def test_engines_are_told_to_keep_prefixes(tmp_path: Path) -> None:
    """Those of ours that were not, with all else as it was; nothing where all keep them."""
    vllm = {"kind": "vllm", "llm": {"accelerator_type": "L4", "engine_kwargs": {"max_model_len": 4096}}}
    base = {"model": "m", "context_tokens": 4096, "max_output_tokens": 64}
    tiers = [{"name": "small", **base, "backends": [vllm]}]
    found = prefix_caches(GatewayConfig.model_validate({"tiers": tiers}).tiers)
    engine = {"max_model_len": 4096, "enable_prefix_caching": True}
    told = {"kind": "vllm", "llm": {"accelerator_type": "L4", "engine_kwargs": engine}}
    assert found == {"tiers": [{"name": "small", "backends": [told]}]}
    shipped = load(CONFIGS / "gpu.yaml").gateway.tiers
    assert prefix_caches(shipped) == {}


def test_a_change_of_args_loads(tmp_path: Path) -> None:
    """Beside the tier's other fields."""
    document = yaml.safe_load((CONFIGS / "local.yaml").read_text())
    for tier in document["applications"][0]["args"]["tiers"]:
        tier["backends"][0]["llm"]["engine_kwargs"].pop("enable_prefix_caching", None)
    stripped = tmp_path / "stripped.yaml"
    stripped.write_text(yaml.safe_dump(document))
    change = Change(args=prefix_caches(load(stripped).gateway.tiers))
    assert [tier["name"] for tier in change.args["tiers"]] == ["small", "large"]
    assert applied(change, tmp_path, "local.yaml").gateway == load(CONFIGS / "local.yaml").gateway


def test_features_without_a_name_of_their_own(tmp_path: Path) -> None:
    """Requests without a feature follow the general policy; of those summed up as others no name is known."""
    traffic = Traffic(1)
    for place in range(MOST_FEATURES + 50):
        traffic.add(Ask(f"f{place:03}", traffic.moment(), output=2_000))
    for place in range(90):
        feature = "" if place % 3 else f"tiny{place:02}"
        traffic.add(Ask(feature, traffic.moment(), output=60, fails=["timeout", "invalid_output"]))
    [finding] = audit_of(traffic.records).findings
    assert {place.feature for place in finding.places} == {"", OTHER}
    after = applied(finding.change, tmp_path)
    assert after.policy.routing.min_tier == "large"
    assert not after.policy.features


def test_hostile_names_are_names(tmp_path: Path) -> None:
    """A feature is what a client says: YAML, HTML and formulas in it stay a name."""
    name = "x: {y: 1}\n- =cmd|' <b>"
    traffic = seeded(1)
    for _ in range(40):
        traffic.add(Ask(name, traffic.moment(), fails=["invalid_output"]))
    [finding] = audit_of(traffic.records).findings
    assert applied(finding.change, tmp_path).policy.features[name].routing
