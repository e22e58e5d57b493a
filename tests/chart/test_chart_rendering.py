"""What the chart makes of its values: golden output, least privilege, restricted pods, the same CRDs and rules."""

import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/plantwright"
HERE = Path(__file__).parent
CASES = sorted(path.stem for path in (HERE / "values").glob("*.yaml"))
Obj = dict[str, Any]
Render = Callable[..., list[Obj]]
Helm = Callable[..., Any]
CLUSTER_KINDS = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}


def of_kind(objects: list[Obj], kind: str) -> list[Obj]:
    return [each for each in objects if each["kind"] == kind]


def the(objects: list[Obj], kind: str) -> Obj:
    (found,) = of_kind(objects, kind)
    return found


@pytest.mark.parametrize("case", CASES)
def test_helm_finds_nothing_to_complain_about(helm: Helm, case: str) -> None:
    done = helm("lint", "--strict", CHART, "--values", HERE / f"values/{case}.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES)
def test_output_is_as_reviewed(render: Render, golden: Callable[[Path, str], None], case: str) -> None:
    objects = [without_copies(each) for each in render(case)]
    objects.sort(key=lambda each: (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]))
    golden(HERE / f"golden/{case}.yaml", yaml.safe_dump_all(objects, sort_keys=True, width=120))


def without_copies(obj: Obj) -> Obj:
    """The object without what other tests compare with its source: schemas, rules and dashboards."""
    if obj["kind"] in ("CustomResourceDefinition", "PrometheusRule"):
        return {key: value for key, value in obj.items() if key != "spec"}
    if obj["metadata"].get("labels", {}).get("grafana_dashboard"):
        return {key: value for key, value in obj.items() if key != "data"}
    return obj


# -- CRDs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "policy"),
    [("defaults", "keep"), ("monitored", "keep"), ("everything", None)],
    ids=["keep", "more", "let-go"],
)
def test_crds_are_the_generated_ones(render: Render, case: str, policy: str | None) -> None:
    rendered = {each["metadata"]["name"]: each for each in of_kind(render(case), "CustomResourceDefinition")}
    generated = [yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")]
    assert set(rendered) == {crd["metadata"]["name"] for crd in generated}
    for crd in generated:
        ours = rendered[crd["metadata"]["name"]]
        assert ours["spec"] == crd["spec"]
        assert ours["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == policy
        assert ours["metadata"]["labels"]["app.kubernetes.io/part-of"] == "plantwright"


def test_crds_can_be_left_to_others(render: Render) -> None:
    assert of_kind(render("defaults", "crds.enabled=false"), "CustomResourceDefinition") == []


# -- rules -------------------------------------------------------------------------------------------------------------


def test_rules_are_included_as_they_were_tested(render: Render) -> None:
    rules = {each["metadata"]["name"]: each["spec"] for each in of_kind(render("monitored"), "PrometheusRule")}
    files = {f"plantwright-{path.stem}": yaml.safe_load(path.read_text()) for path in (CHART / "files/rules").glob("*")}
    assert set(files) == {"plantwright-kpi", "plantwright-alerts"}
    assert rules == files


def test_each_rule_file_has_its_switch(render: Render) -> None:
    assert the(render("monitored", "monitoring.prometheusRule.kpi=false"), "PrometheusRule")["metadata"][
        "name"
    ].endswith("-alerts")
    assert the(render("monitored", "monitoring.prometheusRule.alerts=false"), "PrometheusRule")["metadata"][
        "name"
    ].endswith("-kpi")


# -- dashboards --------------------------------------------------------------------------------------------------------


def test_dashboards_are_included_as_they_were_tested(render: Render) -> None:
    shown = [
        each for each in of_kind(render("monitored"), "ConfigMap") if "grafana_dashboard" in each["metadata"]["labels"]
    ]
    files = {path.name: path.read_text() for path in (CHART / "files/dashboards").glob("*.json")}
    assert len(shown) == len(files) == 5
    assert {name: text for each in shown for name, text in each["data"].items()} == files
    for each in shown:
        assert len(each["data"]) == 1
        assert each["metadata"]["namespace"] == "monitoring"
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert each["metadata"]["annotations"]["grafana_folder"] == "Factories"


def test_no_dashboard_where_none_is_wanted(render: Render) -> None:
    assert not [each for each in render("defaults") if "grafana_dashboard" in each["metadata"].get("labels", {})]


# -- rights ------------------------------------------------------------------------------------------------------------


def rules_of(objects: list[Obj]) -> Iterator[tuple[str, str, set[str]]]:
    """API group, resource and verbs of each rule of the chart."""
    for role in of_kind(objects, "Role") + of_kind(objects, "ClusterRole"):
        for rule in role["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    yield group, resource, set(rule["verbs"])


@pytest.mark.parametrize("case", ["defaults", "namespaced"])
def test_the_operator_cannot_read_secrets_run_commands_or_hand_out_rights(render: Render, case: str) -> None:
    granted = list(rules_of(render(case)))
    assert granted
    for group, resource, verbs in granted:
        assert "*" not in {group, resource, *verbs}
        assert group != "rbac.authorization.k8s.io"
        assert not verbs & {"deletecollection", "escalate", "bind", "impersonate"}
        assert resource.split("/")[0] not in ("secrets", "nodes")
        assert resource not in ("pods/exec", "pods/attach", "pods/portforward", "pods/log", "serviceaccounts/token")


def test_rights_are_those_that_the_operator_says_it_needs(render: Render) -> None:
    """operator/README.md has a table of group, resources and verbs."""
    text = (ROOT / "operator/README.md").read_text().split("## Rights\n", 1)[1].split("\n## ", 1)[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")
    ]
    needed: dict[tuple[str, str], set[str]] = {}
    for group, resources, verbs, *_ in rows[1:]:
        for resource in of_the_table(resources):
            key = (group.strip("`").replace("core", ""), resource)
            needed[key] = needed.get(key, set()) | set(verbs.split(", "))
    given: dict[tuple[str, str], set[str]] = {}
    for group, resource, verbs in rules_of(render("defaults", "rbac.create=true")):
        if resource != "leases":
            given[group, resource] = given.get((group, resource), set()) | verbs
    assert given == needed


def of_the_table(cell: str) -> list[str]:
    """The resources that a cell of the table names."""
    if cell == "the five kinds' `/status`":
        return [
            f"{plural}/status"
            for plural in ("plants", "machineprofiles", "machines", "datacontracts", "governancepolicies")
        ]
    return [each.strip("` ") for each in cell.split(",")]


def test_watched_namespaces_get_a_role_each_and_the_cluster_none(render: Render) -> None:
    objects = render("namespaced")
    assert CLUSTER_KINDS & {each["kind"] for each in objects} == set()
    for kind in ("Role", "RoleBinding"):
        namespaces = [each["metadata"]["namespace"] for each in of_kind(objects, kind)]
        assert sorted(namespaces) == ["plant-catalogue", "plant-stuttgart", "plantwright-system"]


def test_roles_and_the_cluster_role_grant_the_same(render: Render) -> None:
    roles = {each["metadata"]["namespace"]: each["rules"] for each in of_kind(render("namespaced"), "Role")}
    assert the(render("defaults"), "ClusterRole")["rules"] == roles["plant-stuttgart"] == roles["plant-catalogue"]


@pytest.mark.parametrize("case", ["defaults", "namespaced", "everything"])
def test_every_binding_leads_from_a_role_of_the_chart_to_the_operators_account(render: Render, case: str) -> None:
    objects = render(case)
    account = the(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"]
    roles = {(each["kind"], each["metadata"]["name"]) for each in objects if each["kind"].endswith("Role")}
    for binding in of_kind(objects, "RoleBinding") + of_kind(objects, "ClusterRoleBinding"):
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in roles
        subject = {"kind": "ServiceAccount", "name": account, "namespace": "plantwright-system"}
        assert binding["subjects"] == [subject]


# -- pods --------------------------------------------------------------------------------------------------------------


def test_the_operator_runs_restricted(render: Render) -> None:
    pod = the(render(), "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["requests"]
    assert container["resources"]["limits"]["memory"]


def environment(objects: list[Obj]) -> dict[str, str]:
    (container,) = the(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each.get("value", "") for each in container["env"]}


def test_the_operator_is_told_where_it_is_and_what_to_watch(render: Render) -> None:
    told = environment(render("namespaced"))
    assert told["WATCH_NAMESPACES"] == "plant-stuttgart,plant-catalogue"
    assert environment(render())["WATCH_NAMESPACES"] == ""
    assert told["LEASE_NAME"] == "plantwright-operator"
    leases = [
        rule
        for role in of_kind(render("namespaced"), "Role")
        for rule in role["rules"]
        if "leases" in rule["resources"]
    ]
    assert {name for rule in leases for name in rule.get("resourceNames", ())} == {told["LEASE_NAME"]}
    assert {"POD_NAMESPACE", "POD_NAME", "METRICS_PORT"} <= set(told)


@pytest.mark.parametrize(
    ("sets", "image"),
    [
        pytest.param([], "ghcr.io/plantwright/operator:0.1.0", id="app-version"),
        pytest.param(["image.tag=edge"], "ghcr.io/plantwright/operator:edge", id="tag"),
        pytest.param(
            ["image.tag=edge", f"image.digest=sha256:{'a' * 64}"],
            f"ghcr.io/plantwright/operator@sha256:{'a' * 64}",
            id="digest",
        ),
    ],
)
def test_a_digest_wins_over_a_tag_and_a_tag_over_the_version(render: Render, sets: list[str], image: str) -> None:
    (container,) = the(render("defaults", *sets), "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == image
    gateway = environment(render("defaults", *[f"gateway.{each}" for each in sets]))["GATEWAY_IMAGE"]
    assert gateway == image.replace("/operator", "/gateway")


def test_one_replica_has_no_disruption_budget(render: Render) -> None:
    assert of_kind(render("defaults", "replicaCount=1"), "PodDisruptionBudget") == []
    assert the(render("defaults"), "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize("case", CASES)
def test_selectors_find_the_pods_of_one_deployment(render: Render, case: str) -> None:
    objects = render(case)
    pods = [each["spec"]["template"]["metadata"]["labels"].items() for each in of_kind(objects, "Deployment")]
    selectors = [each["spec"]["selector"]["matchLabels"] for each in of_kind(objects, "Deployment")]
    selectors += [each["spec"]["selector"]["matchLabels"] for each in of_kind(objects, "PodDisruptionBudget")]
    selectors += [each["spec"]["podSelector"]["matchLabels"] for each in of_kind(objects, "NetworkPolicy")]
    selectors += [each["spec"]["selector"] for each in of_kind(objects, "Service")]
    monitors = [each["spec"]["selector"]["matchLabels"] for each in of_kind(objects, "PodMonitor")]
    selectors += [each for each in monitors if each["app.kubernetes.io/name"] != "plantwright-gateway"]
    for selector in selectors:
        assert len([labels for labels in pods if selector.items() <= labels]) == 1


def gateway_pods() -> list[Obj]:
    """The pod templates in the operator's golden files; a case that is refused has none."""
    texts = [path.read_text() for path in (ROOT / "tests/golden").glob("*/expected.yaml")]
    made = [text for text in texts if "\nkind: StatefulSet\n" in text]
    documents = [each for text in made for each in yaml.load_all(text, Loader=yaml.CSafeLoader)]
    return [each["spec"]["template"] for each in documents if each["kind"] == "StatefulSet"]


def test_the_gateways_monitor_finds_what_the_operator_makes(render: Render) -> None:
    monitors = {each["metadata"]["name"]: each["spec"] for each in of_kind(render("monitored"), "PodMonitor")}
    gateways = monitors["plantwright-gateways"]
    (endpoint,) = gateways["podMetricsEndpoints"]
    assert gateway_pods()
    for pod in gateway_pods():
        assert gateways["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        ports = {port["name"] for container in pod["spec"]["containers"] for port in container["ports"]}
        assert endpoint["port"] in ports


def test_the_operators_policy_lets_it_ask_gateways(render: Render) -> None:
    (peer, port) = next(
        (rule["to"][0], rule["ports"][0]["port"])
        for rule in the(render("everything"), "NetworkPolicy")["spec"]["egress"]
        if "podSelector" in rule.get("to", [{}])[0]
    )
    for pod in gateway_pods():
        assert peer["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        (container,) = pod["spec"]["containers"]
        assert port in {each["containerPort"] for each in container["ports"]}


@pytest.mark.parametrize("case", CASES)
def test_names_and_namespaces_are_set_and_labels_common(render: Render, case: str) -> None:
    for each in render(case):
        meta = each["metadata"]
        assert ("namespace" in meta) == (each["kind"] not in CLUSTER_KINDS) or each["kind"] == "ConfigMap"
        if each["kind"] != "ConfigMap":
            assert meta["labels"]["app.kubernetes.io/managed-by"] == "Helm"
            assert meta["labels"]["app.kubernetes.io/name"] == ("factory" if case == "everything" else "plantwright")


# -- the board ---------------------------------------------------------------------------------------------------------


def of_board(render: Render, kind: str, name: str = "board-stuttgart") -> Obj:
    (found,) = [each for each in of_kind(render("board"), kind) if each["metadata"]["name"] == name]
    return found


def test_without_being_asked_there_is_no_board(render: Render) -> None:
    assert [each for each in render("defaults") if each["metadata"]["name"].startswith("board-")] == []
    assert [
        each
        for each in render("defaults", "board.plants[0].name=p", "board.plants[0].namespace=n")
        if each["kind"] == "Service"
    ] == []


def test_a_board_may_list_what_it_shows_and_no_more(render: Render) -> None:
    role = of_board(render, "Role")
    assert role["metadata"]["namespace"] == "plant-stuttgart"
    assert role["rules"] == [
        {
            "apiGroups": ["plantwright.io"],
            "resources": ["plants"],
            "resourceNames": ["stuttgart"],
            "verbs": ["list", "watch"],
        },
        {"apiGroups": ["plantwright.io"], "resources": ["machines"], "verbs": ["list", "watch"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    ]
    account = {"kind": "ServiceAccount", "name": "board-stuttgart", "namespace": "plant-stuttgart"}
    assert of_board(render, "RoleBinding")["subjects"] == [account]
    assert of_board(render, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "board-stuttgart"


def test_a_board_runs_restricted_in_the_operators_image(render: Render) -> None:
    pod = of_board(render, "Deployment", "board-hall-2")["spec"]["template"]["spec"]
    operator = next(
        each for each in of_kind(render("board"), "Deployment") if each["metadata"]["name"] == "plantwright-operator"
    )
    (container,), (operators,) = pod["containers"], operator["spec"]["template"]["spec"]["containers"]
    assert container["image"] == operators["image"]
    assert container["securityContext"] == operators["securityContext"]
    assert pod["securityContext"] == operator["spec"]["template"]["spec"]["securityContext"]
    assert {"name": "PLANT", "value": "hall.2"} in container["env"]


def test_a_board_reaches_the_gateways_of_its_plant_and_they_let_it_in(render: Render) -> None:
    policy = of_board(render, "NetworkPolicy")["spec"]
    peers = [peer for rule in policy["egress"] for peer in rule.get("to", [])]
    assert peers == [
        {
            "podSelector": {
                "matchLabels": {"app.kubernetes.io/name": "plantwright-gateway", "plantwright.io/plant": "stuttgart"}
            }
        }
    ]
    assert any(
        peers[0]["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items() for pod in gateway_pods()
    )
    labels = of_board(render, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels["plantwright.io/board"] == "stuttgart"
    assert labels["app.kubernetes.io/component"] == "board"
    assert policy["ingress"][0]["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
        for name in ("ingress-nginx", "monitoring")
    ]


def test_boards_are_scraped_where_scraping_is_on(render: Render) -> None:
    objects = render("board", "monitoring.podMonitor.enabled=true")
    monitor = next(
        each["spec"] for each in of_kind(objects, "PodMonitor") if each["metadata"]["name"].endswith("boards")
    )
    assert monitor["namespaceSelector"] == {"matchNames": ["plant-stuttgart"]}
    (endpoint,) = monitor["podMetricsEndpoints"]
    labels = monitor["selector"]["matchLabels"].items()
    found = [each["spec"]["template"] for each in of_kind(objects, "Deployment")]
    (first, second) = [pod for pod in found if labels <= pod["metadata"]["labels"].items()]
    for pod in (first, second):
        assert endpoint["port"] in {port["name"] for each in pod["spec"]["containers"] for port in each["ports"]}
    assert not [each for each in of_kind(render("monitored"), "PodMonitor") if "boards" in each["metadata"]["name"]]


# -- notes and package -------------------------------------------------------------------------------------------------


def notes(helm: Helm, case: str, *sets: str) -> str:
    words = ["--values", HERE / f"values/{case}.yaml", *(word for each in sets for word in ("--set", each))]
    done = helm("install", "plantwright", CHART, "--namespace", "plantwright-system", "--dry-run=client", *words)
    assert done.returncode == 0, done.stderr
    text: str = done.stdout.split("NOTES:\n", 1)[1]
    return text


def test_notes_say_what_comes_next(helm: Helm) -> None:
    text = notes(helm, "namespaced")
    assert "It acts in: plant-stuttgart, plant-catalogue." in text
    assert "kubectl -n plantwright-system rollout status deployment/plantwright-operator" in text
    plant = yaml.safe_load(text.split("<<YAML\n", 1)[1].split("  YAML\n", 1)[0])
    assert plant["kind"] == "Plant"
    assert "kubectl get machines" in text


@pytest.mark.parametrize(
    ("sets", "warned"),
    [
        pytest.param([], False, id="on"),
        pytest.param(["monitoring.podMonitor.enabled=false"], True, id="no-scraping"),
        pytest.param(["monitoring.prometheusRule.enabled=false"], True, id="no-rules"),
    ],
)
def test_notes_warn_where_monitoring_is_off(helm: Helm, sets: list[str], warned: bool) -> None:
    assert ("WARNING: monitoring is" in notes(helm, "monitored", *sets)) is warned


def test_the_package_holds_all_that_is_needed_and_no_more(helm: Helm, tmp_path: Path) -> None:
    done = helm("package", CHART, "--destination", tmp_path)
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.glob("*.tgz")
    with tarfile.open(package) as archive:
        packed = {name.removeprefix("plantwright/") for name in archive.getnames()}
    files = {str(path.relative_to(CHART)) for path in CHART.rglob("*") if path.is_file() and path.name != ".helmignore"}
    assert packed - {".helmignore"} == files
