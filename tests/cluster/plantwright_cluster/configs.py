"""The configuration files of a node's programs. Pure: a site in, text out.

JSON where the program reads YAML, because every JSON file is a YAML file and the standard library writes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from plantwright_cluster.images.pause import PAUSE_IMAGE
from plantwright_cluster.site import Site

__all__ = ["FILES"]

_CNI_FOLDERS = ("/usr/lib/cni", "/opt/cni/bin")


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"


def kubelet(site: Site) -> str:
    """Return the kubelet's configuration.

    Nothing here shortens its sync periods: how fast a pod sees a changed ConfigMap must be measured as users see it.
    """
    eviction = {
        "memory.available": "100Mi",
        "nodefs.available": "1%",
        "imagefs.available": "1%",
        "nodefs.inodesFree": "1%",
    }
    return _json(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": str(site.authority.ca)}},
            "authorization": {"mode": "Webhook"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": site.cgroup,
            "clusterDNS": [site.network.dns_service],
            "clusterDomain": "cluster.local",
            "containerRuntimeEndpoint": f"unix://{site.containerd_socket}",
            "enforceNodeAllocatable": ["pods"],
            "evictionHard": eviction,
            "failCgroupV1": False,
            "failSwapOn": False,
            "imageGCHighThresholdPercent": 100,
            "localStorageCapacityIsolation": False,
            "maxPods": 200,
            "podLogsDir": str(site.data("pod-logs")),
            "resolvConf": str(site.file("resolv.conf")),
            "serializeImagePulls": False,
            "volumePluginDir": str(site.data("volume-plugins")),
        }
    )


def resolv(_: Site) -> str:
    """Return the node's resolv.conf: no server, so that tests never depend on the machine's."""
    return "# pods ask the cluster's own DNS only\n"


def kube_proxy(site: Site) -> str:
    """Return kube-proxy's configuration; connection tracking limits belong to the machine, so it must not touch them."""
    return _json(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": str(site.client_kubeconfig("kube-proxy"))},
            "clusterCIDR": site.network.pods,
            "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
            "hostnameOverride": site.node_name,
            "mode": "iptables",
        }
    )


def cni(site: Site) -> str:
    """Return the pod network: a routed pair of interfaces per pod, as kind has it; no bridge module is needed."""
    address = {
        "type": "host-local",
        "dataDir": str(site.data("pod-addresses")),
        "ranges": [[{"subnet": site.network.pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugins = [
        {"type": "ptp", "mtu": 1500, "ipMasq": False, "ipam": address},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return _json({"cniVersion": "0.4.0", "name": "plantwright", "plugins": plugins})


def containerd(site: Site) -> str:
    """Return containerd's configuration: folders of its own, so that nothing of the machine's containerd is touched.

    `restrict_oom_score_adj`: a machine without CAP_SYS_RESOURCE cannot lower the score, and every pod would fail.
    """
    folder = next((folder for folder in _CNI_FOLDERS if (Path(folder) / "ptp").exists()), _CNI_FOLDERS[0])
    return f"""version = 2
root = "{site.data("containerd")}"
state = "{site.data("containerd-state")}"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]

[grpc]
  address = "{site.containerd_socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{folder}"
  conf_dir = "{site.file("cni")}"
"""


def coredns(site: Site) -> str:
    """Return CoreDNS's configuration: the cluster's names, and a quick "no such name" for all others."""
    return f"""cluster.local:53 in-addr.arpa:53 {{
    bind {site.network.node}
    errors
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {site.client_kubeconfig("coredns")}
        pods insecure
        ttl 5
    }}
    cache 5
}}
.:53 {{
    bind {site.network.node}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""


FILES: dict[str, Callable[[Site], str]] = {
    "kubelet.yaml": kubelet,
    "kube-proxy.yaml": kube_proxy,
    "resolv.conf": resolv,
    "cni/10-plantwright.conflist": cni,
    "containerd.toml": containerd,
    "Corefile": coredns,
}
"""Every file below the folder `config` of a whole cluster."""
