"""The cluster files, as Ray's own code reads them: nothing is started and nothing is asked of a cloud."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.autoscaler._private.util import prepare_config, validate_config

from app.config.load import load

ROOT = Path(__file__).parents[2]
FLAGS = {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"}
HAPROXY = "RAY_SERVE_HAPROXY_BINARY_PATH"
COMMAND = "leanserve-haproxy"
SECRETS = {"REDIS_PASSWORD", "LEANSERVE_API_KEYS", "HF_TOKEN", "OPENAI_API_KEY"}
NodeTypes = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def launcher() -> dict[str, Any]:
    """cluster.yaml as `ray up` completes it: `prepare_config`, then `validate_config` against ray-schema.json."""
    config: dict[str, Any] = prepare_config(yaml.safe_load((ROOT / "cluster.yaml").read_text()))
    validate_config(config)
    return config


@pytest.fixture(scope="module")
def manifests() -> dict[str, dict[str, Any]]:
    """rayservice.yaml by kind."""
    found = yaml.safe_load_all((ROOT / "configs" / "rayservice.yaml").read_text())
    return {each["kind"]: each for each in found}


@pytest.fixture(scope="module")
def kuberay(manifests: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The autoscaler's configuration, as Ray derives and validates it from the RayCluster of the RayService."""
    spec = manifests["RayService"]["spec"]["rayClusterConfig"]
    cluster = {"metadata": {"name": "leanserve", "namespace": "default"}, "spec": spec}
    config: dict[str, Any] = _derive_autoscaling_config_from_ray_cr(cluster)
    return config


def test_a_typo_in_the_launcher_file_is_found() -> None:
    """The schema is strict: this test's subject can fail."""
    broken = yaml.safe_load((ROOT / "cluster.yaml").read_text()) | {"idle_timeout": 5}
    with pytest.raises(jsonschema.ValidationError, match="idle_timeout"):
        validate_config(prepare_config(broken))


@pytest.mark.parametrize("kind", ["head", "worker"])
def test_the_launcher_sets_flags_and_secrets_before_ray_starts(launcher: dict[str, Any], kind: str) -> None:
    """One exported environment for Ray and all its replicas, from a file that is not in the repository."""
    start = launcher[f"{kind}_start_ray_commands"][-1]
    exported, _, command = start.partition("set +a;")
    assert "set -a; . /home/ray/secrets/env" in exported
    assert all(f"{name}={value};" in exported for name, value in FLAGS.items())
    assert f"{HAPROXY}=$(command -v {COMMAND});" in exported
    assert command.strip().startswith("ray start")
    assert any("leanserve[gpu]" in each for each in launcher[f"{kind}_setup_commands"])


def test_no_secret_stands_in_a_cluster_file() -> None:
    """Only names, never values."""
    for path in ("cluster.yaml", "configs/rayservice.yaml"):
        text = (ROOT / path).read_text()
        assert not re.search(r"(sk-|hf_|AKIA)[A-Za-z0-9]{8}", text), path
        assert not re.search(r"(PASSWORD|TOKEN|KEYS?)=[^\s\"'$(|]", text), path
    mounts = yaml.safe_load((ROOT / "cluster.yaml").read_text())["file_mounts"]
    assert mounts["/home/ray/secrets"].startswith(".leanserve/")
    assert ".leanserve/" in (ROOT / ".gitignore").read_text().split()


def test_the_launcher_has_room_for_every_replica(launcher: dict[str, Any]) -> None:
    """All tiers at their limits fit on the workers at theirs, and the first replicas on the first nodes."""
    types: NodeTypes = launcher["available_node_types"]
    assert sum(each["max_workers"] for each in types.values()) <= launcher["max_workers"]
    _has_room(types)


def test_kuberay_has_room_for_every_replica(kuberay: dict[str, Any]) -> None:
    """The same on Kubernetes, by the node types that Ray's autoscaler derives from the manifest."""
    types: NodeTypes = kuberay["available_node_types"]
    assert types[kuberay["head_node_type"]]["resources"]["CPU"] == 0, "no replica shares the head"
    _has_room(types)


def _has_room(types: NodeTypes) -> None:
    for limit, bound in (("min_replicas", "min_workers"), ("max_replicas", "max_workers")):
        wanted = _accelerators(limit)
        for accelerator, gpus in wanted.items():
            nodes = [each for each in types.values() if f"accelerator_type:{accelerator}" in each["resources"]]
            assert sum(node[bound] * node["resources"]["GPU"] for node in nodes) >= gpus, (accelerator, limit)


def _accelerators(limit: str) -> dict[str, int]:
    """GPUs that gpu.yaml wants at a limit of its autoscaling, by accelerator."""
    found: dict[str, int] = {}
    for tier in load(ROOT / "configs" / "gpu.yaml").gateway.tiers:
        for llm in (spec.llm for spec in tier.backends if spec.kind == "vllm"):
            gpus = llm["engine_kwargs"].get("tensor_parallel_size", 1)
            replicas = llm["deployment_config"]["autoscaling_config"][limit]
            found[llm["accelerator_type"]] = found.get(llm["accelerator_type"], 0) + gpus * replicas
    return found


def test_every_ray_pod_has_the_flags_and_its_secrets(manifests: dict[str, dict[str, Any]]) -> None:
    """On the head and in every group; secrets by reference only."""
    cluster = manifests["RayService"]["spec"]["rayClusterConfig"]
    for group in [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]:
        env = {each["name"]: each for each in group["template"]["spec"]["containers"][0]["env"]}
        assert {name: env[name]["value"] for name in FLAGS} == FLAGS
        assert env[HAPROXY]["value"].endswith(f"/bin/{COMMAND}")
        assert all(env[name]["valueFrom"]["secretKeyRef"]["name"] == "leanserve" for name in SECRETS)
        assert env["REDIS_URL"]["value"] == "redis://:$(REDIS_PASSWORD)@leanserve-redis:6379/0"


def test_what_requests_cost_outlives_the_pod(manifests: dict[str, dict[str, Any]]) -> None:
    """Wherever an ingress replica may be placed: its spool lies on the node, in a folder that it may write."""
    for group in manifests["RayService"]["spec"]["rayClusterConfig"]["workerGroupSpecs"]:
        pod = group["template"]["spec"]
        container, volumes = pod["containers"][0], {each["name"]: each for each in pod["volumes"]}
        spool = next(each["value"] for each in container["env"] if each["name"] == "LEANSERVE_SPOOL")
        for each in (container, *pod["initContainers"]):
            (mount,) = (mount for mount in each["volumeMounts"] if mount["mountPath"] == spool)
            assert volumes[mount["name"]]["hostPath"]["type"] == "DirectoryOrCreate"
        assert [each["command"][0] for each in pod["initContainers"]] == ["chown"]


def test_redis_is_durable_and_new_enough(manifests: dict[str, dict[str, Any]]) -> None:
    """Vector sets need 8.2; a granted budget is on a volume first."""
    redis = manifests["StatefulSet"]["spec"]
    container = redis["template"]["spec"]["containers"][0]
    assert tuple(map(int, container["image"].removeprefix("redis:").split("."))) >= (8, 2)
    assert {"--appendonly yes", "--appendfsync always", "--dir /data"} <= set(container["args"])
    mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    assert mounts["/data"] in {each["metadata"]["name"] for each in redis["volumeClaimTemplates"]}


def test_the_service_selects_the_redis_pods(manifests: dict[str, dict[str, Any]]) -> None:
    """Name, selector, labels and port belong together."""
    service, redis = manifests["Service"], manifests["StatefulSet"]
    assert service["metadata"]["name"] == redis["spec"]["serviceName"] == "leanserve-redis"
    labels = redis["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == redis["spec"]["selector"]["matchLabels"] == labels
    assert service["spec"]["ports"][0]["port"] == 6379


def test_the_manifests_have_the_shape_that_kubernetes_wants(manifests: dict[str, dict[str, Any]]) -> None:
    """By our own transcript of KubeRay's API reference, of the fields that we use: no cluster can be asked here."""
    schema = json.loads((Path(__file__).parent / "rayservice.schema.json").read_text())
    jsonschema.validate(manifests["RayService"], schema)
    broken = json.loads(json.dumps(manifests["RayService"]))
    broken["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["maxReplica"] = 3
    with pytest.raises(jsonschema.ValidationError, match="maxReplica"):
        jsonschema.validate(broken, schema)
