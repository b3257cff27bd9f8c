"""The manifests of `deploy/kubernetes`: valid by the schemas, and held to what we ask of each part.

There is no cluster and no kustomize here: the layers are put together as `kubectl apply -k` does,
as far as these files need it.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from components import required_program
from vigie_server.settings import ServerSettings

DEPLOY = Path(__file__).parents[2] / "deploy"
FOLDER = DEPLOY / "kubernetes"
VERSION = "1.37"
MOST_OF_A_CONFIG_MAP = 1024 * 1024
NAME = "app.kubernetes.io/name"
PARTS = {"server", "postgres", "prometheus", "alertmanager", "grafana"}
REACHES = {
    ("server", "postgres", 5432),
    ("prometheus", "server", 8445),
    ("prometheus", "alertmanager", 9093),
    ("grafana", "prometheus", 9090),
}
"""Who opens a connection to whom, by the configuration of each."""

Object = Mapping[str, Any]


def layers(folder: Path = FOLDER) -> Iterator[tuple[Path, Object]]:
    """The kustomization of a folder and those it takes in."""
    read = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    yield folder, read
    for resource in read.get("resources", ()):
        if (folder / resource).is_dir():
            yield from layers(folder / resource)


def config_maps() -> Mapping[str, Sequence[Path]]:
    """The ConfigMaps that are generated, with their files."""
    return {
        made["name"]: [folder / name for name in made.get("files", ())]
        for folder, read in layers()
        for made in read.get("configMapGenerator", ())
    }


OBJECTS: Sequence[Object] = [
    found
    for folder, read in layers()
    for resource in read.get("resources", ())
    if (folder / resource).is_file()
    for found in yaml.safe_load_all((folder / resource).read_text(encoding="utf-8"))
]
TOP: Object = next(layers())[1]
WORKLOADS = {
    found["metadata"]["name"]: found for found in OBJECTS if found["kind"] == "StatefulSet"
}
POLICIES = [found for found in OBJECTS if found["kind"] == "NetworkPolicy"]
each_workload = pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)


def pod_of(workload: Object) -> Object:
    spec: Object = workload["spec"]["template"]["spec"]
    return spec


def containers_of(workload: Object) -> list[Object]:
    return [*pod_of(workload).get("initContainers", ()), *pod_of(workload)["containers"]]


@pytest.mark.parametrize(
    "found", OBJECTS, ids=lambda found: f"{found['kind']}-{found['metadata']['name']}"
)
def test_an_object_is_valid_by_the_schema_of_kubernetes(found: Object) -> None:
    kubernetes_validate.validate(found, VERSION, strict=True)


def test_the_schemas_refuse_what_kubernetes_does_not_know() -> None:
    wrong = {**WORKLOADS["server"], "spec": {**WORKLOADS["server"]["spec"], "replica": 1}}

    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


def test_every_file_of_a_layer_is_there_and_small_enough() -> None:
    assert WORKLOADS.keys() == PARTS
    for files in config_maps().values():
        assert sum(path.stat().st_size for path in files) < MOST_OF_A_CONFIG_MAP


def test_every_rule_and_every_dashboard_is_brought_along() -> None:
    brought = {path.resolve() for files in config_maps().values() for path in files}

    assert set((DEPLOY / "prometheus" / "rules").glob("*.yml")) <= brought
    assert set((DEPLOY / "grafana" / "dashboards").rglob("*.json")) <= brought
    assert set((DEPLOY / "alertmanager" / "templates").glob("*.tmpl")) <= brought


@each_workload
def test_a_part_has_no_more_rights_than_it_needs(workload: Object) -> None:
    pod = pod_of(workload)
    context = pod["securityContext"]

    assert pod["automountServiceAccountToken"] is False
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers_of(workload):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]


@each_workload
def test_a_part_says_when_it_lives_and_when_it_is_ready(workload: Object) -> None:
    for container in pod_of(workload)["containers"]:
        ports = {port["name"] for port in container["ports"]}
        for probe in ("livenessProbe", "readinessProbe"):
            asked = container[probe].get("httpGet")
            assert asked is None or asked["port"] in ports
            assert asked is not None or container[probe]["exec"]["command"]


@each_workload
def test_images_have_a_version_and_are_those_of_compose(workload: Object) -> None:
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text(encoding="utf-8"))
    of_compose = compose["services"][workload["metadata"]["name"]]["image"]
    (own,) = TOP["images"]

    assert re.fullmatch(r"\d+(\.\d+)*", own["newTag"])
    for container in containers_of(workload):
        assert container["image"] == of_compose
        assert container["image"] == own["name"] or re.search(r":v?\d", container["image"])


@each_workload
def test_what_is_mounted_is_declared_made_or_claimed(workload: Object) -> None:
    claimed = {made["metadata"]["name"] for made in workload["spec"]["volumeClaimTemplates"]}
    volumes = {volume["name"]: volume for volume in pod_of(workload)["volumes"]}

    for container in containers_of(workload):
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted <= volumes.keys() | claimed
        for mount in container["volumeMounts"]:
            source = volumes.get(mount["name"], {}).get("configMap")
            if source is not None and "subPath" in mount:
                names = {path.name for path in config_maps()[source["name"]]}
                assert mount["subPath"] in names
        for source in container.get("envFrom", ()):
            assert source["configMapRef"]["name"] in config_maps()
    for volume in volumes.values():
        if "configMap" in volume:
            assert volume["configMap"]["name"] in config_maps()


def test_secrets_are_references_to_what_the_page_has_people_make() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    asked: set[tuple[str, str]] = set()
    for workload in WORKLOADS.values():
        for container in containers_of(workload):
            for entry in container.get("env", ()):
                if "PASSWORD" in entry["name"]:
                    reference = entry["valueFrom"]["secretKeyRef"]
                    asked.add((reference["name"], reference["key"]))
        for volume in pod_of(workload)["volumes"]:
            if "secret" in volume:
                asked.add((volume["secret"]["secretName"], ""))

    assert {found["kind"] for found in OBJECTS}.isdisjoint({"Secret"})
    assert len(asked) == 4
    for name, key in asked:
        made = re.search(rf"create secret generic {name} (.+)", page)
        assert made, name
        assert f"={key}" in made[1] or f"{key}=" in made[1]


def test_services_find_their_pods_and_ports() -> None:
    services = [found for found in OBJECTS if found["kind"] == "Service"]
    for service in services:
        workload = WORKLOADS[service["spec"]["selector"][NAME]]
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert labels[NAME] == service["spec"]["selector"][NAME]
        ports = {
            port["name"]: port["containerPort"]
            for container in pod_of(workload)["containers"]
            for port in container["ports"]
        }
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]
    names = {service["metadata"]["name"] for service in services}
    assert {workload["spec"]["serviceName"] for workload in WORKLOADS.values()} <= names


def allowed(policies: Sequence[Object], one: str, other: str, port: int, way: str) -> bool:
    """Whether a policy of `one` lets traffic from (ingress) or to (egress) `other` through."""
    peers = "from" if way == "ingress" else "to"
    for policy in policies:
        if policy["spec"]["podSelector"] != {"matchLabels": {NAME: one}}:
            continue
        for rule in policy["spec"].get(way, ()):
            of = rule.get(peers)
            fits = of is None or any(
                peer.get("podSelector") == {"matchLabels": {NAME: other}} for peer in of
            )
            if fits and any(allowed["port"] == port for allowed in rule["ports"]):
                return True
    return False


def test_policies_let_each_part_reach_what_it_asks_and_nothing_else() -> None:
    nothing_else = [policy for policy in POLICIES if policy["spec"]["podSelector"] == {}]
    passing = {
        (one, other, port)
        for one in PARTS
        for other in PARTS
        for port in (5432, 9090, 9093, 8445, 3000)
        if allowed(POLICIES, one, other, port, "egress")
        and allowed(POLICIES, other, one, port, "ingress")
    }

    assert any(
        "ingress" not in policy["spec"] and "egress" not in policy["spec"]
        for policy in nothing_else
    )
    assert passing == REACHES


def test_the_servers_settings_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    (settings,) = [made for made in TOP["configMapGenerator"] if made["name"] == "vigie-settings"]
    for literal in settings["literals"]:
        name, _, value = literal.partition("=")
        monkeypatch.setenv(name, value)

    read = ServerSettings()

    assert {"server", "localhost"} < set(read.names)
    assert str(read.store.url).endswith("@postgres/vigie")


def test_promtool_takes_the_configuration(tmp_path: Path) -> None:
    text = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
    for name in ("https.crt", "token"):
        (tmp_path / name).touch()
    written = tmp_path / "prometheus.yml"
    written.write_text(
        text.replace("/etc/prometheus/rules", str(DEPLOY / "prometheus" / "rules")).replace(
            "/etc/prometheus/secrets", str(tmp_path)
        )
    )

    ended = subprocess.run(
        [required_program("promtool"), "check", "config", "--syntax-only", str(written)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
