"""The objects a fresh cluster gets: a default StorageClass and the DNS service. Pure: a site in, objects out."""

from __future__ import annotations

from typing import Any

from plantwright_cluster.site import Site
from plantwright_cluster.storage import PROVISIONER, STORAGE_CLASS

__all__ = ["initial_objects"]

Object = dict[str, Any]
_DNS = "kube-dns"
_DNS_PORTS = (("dns", "UDP"), ("dns-tcp", "TCP"))


def storage_class() -> Object:
    """Return the default class; a claim waits for its pod, as on kind and on most clouds."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": STORAGE_CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def dns_service(site: Site) -> Object:
    """Return the DNS service; it has no selector because CoreDNS runs as a program beside the kubelet."""
    ports = [{"name": name, "port": 53, "protocol": protocol} for name, protocol in _DNS_PORTS]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _DNS, "namespace": "kube-system", "labels": {"k8s-app": _DNS}},
        "spec": {"clusterIP": site.network.dns_service, "ports": ports},
    }


def dns_endpoints(site: Site) -> Object:
    """Return where the DNS service leads: to CoreDNS on the node's address."""
    ports = [{"name": name, "port": 53, "protocol": protocol} for name, protocol in _DNS_PORTS]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": _DNS, "namespace": "kube-system", "labels": {"kubernetes.io/service-name": _DNS}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [site.network.node], "conditions": {"ready": True}}],
        "ports": ports,
    }


def initial_objects(site: Site) -> list[tuple[str, Object]]:
    """Return each object with the path of its collection."""
    return [
        ("/apis/storage.k8s.io/v1/storageclasses", storage_class()),
        ("/api/v1/namespaces/kube-system/services", dns_service(site)),
        ("/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices", dns_endpoints(site)),
    ]
