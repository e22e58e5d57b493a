"""The programs' arguments and configuration files, for both tiers."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from plantwright_cluster import components, configs, identities
from plantwright_cluster.network import addresses
from plantwright_cluster.site import Site

FAST = Site("fast", Path("/state/fast"), 7001, 7002, 7003)
WHOLE = Site("dev", Path("/state/dev"), place=addresses(3))
EVERY = (*components.DATABASE_AND_API, *components.CONTROLLERS, *components.NODE)


def _argv(name: str, site: Site) -> list[str]:
    return components.component(name).argv(site, lambda program: f"/bin/{program}")


@pytest.mark.parametrize("component", EVERY, ids=lambda component: component.name)
def test_every_program_has_a_path_and_arguments_without_holes(component: components.Component) -> None:
    argv = component.argv(WHOLE, lambda program: f"/bin/{program}")
    assert argv[0].startswith("/")
    assert all(word and "None" not in word for word in argv)


def test_the_fast_tier_stays_on_the_loopback_address() -> None:
    assert "--bind-address=127.0.0.1" in _argv("kube-apiserver", FAST)
    assert "--listen-client-urls=http://127.0.0.1:7002" in _argv("etcd", FAST)
    assert "--secure-port=0" in _argv("kube-controller-manager", FAST)
    assert FAST.server == "https://127.0.0.1:7001"


def test_beside_a_node_pods_can_reach_the_api_server() -> None:
    argv = _argv("kube-apiserver", WHOLE)
    assert "--bind-address=0.0.0.0" in argv
    assert "--advertise-address=10.211.0.2" in argv
    assert WHOLE.server == "https://10.211.0.2:6443"


def test_the_audit_log_is_written_only_by_a_policy() -> None:
    audited = replace(FAST, audit_policy=Path("/policy.yaml"))
    assert not any("audit" in word for word in _argv("kube-apiserver", FAST))
    assert f"--audit-log-path={audited.audit_log}" in _argv("kube-apiserver", audited)


@pytest.mark.parametrize("name", [name for name in configs.FILES if name.endswith((".yaml", ".conflist"))])
def test_configuration_files_parse(name: str) -> None:
    assert json.loads(configs.FILES[name](WHOLE))


def test_the_kubelet_keeps_its_sync_periods() -> None:
    content = json.loads(configs.kubelet(WHOLE))
    assert not [key for key in content if "Frequency" in key or "Period" in key or "Strategy" in key]
    assert content["cgroupRoot"] == "/plantwright-dev"
    assert content["maxPods"] >= 110


def test_containerd_keeps_to_the_clusters_folder() -> None:
    text = configs.containerd(WHOLE)
    assert 'root = "/state/dev/data/containerd"' in text
    assert "restrict_oom_score_adj = true" in text


def test_a_server_is_known_by_every_address_its_clients_use() -> None:
    assert identities.server(WHOLE).ips == ("127.0.0.1", "10.211.0.2", "10.211.128.1")
    assert identities.server(FAST).ips == ("127.0.0.1",)


def test_the_fast_tier_has_no_node_identities() -> None:
    assert set(identities.clients(FAST)) == {"admin", "controller-manager"}
    assert identities.clients(WHOLE)["kubelet"].subject == "/O=system:nodes/CN=system:node:dev-node"


def test_a_cluster_without_a_node_says_so() -> None:
    with pytest.raises(ValueError, match="has no node"):
        _ = FAST.network
