"""The small pure decisions: what to install, what to raise, how to name, which provider."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from plantwright_cluster import cgroups, dns, host_settings, packages, provider
from plantwright_cluster.certificates import Identity
from plantwright_cluster.commands import ClusterError
from plantwright_cluster.images.building import pip_configuration
from plantwright_cluster.images.names import archive_name, normalised
from plantwright_cluster.inventory import Entry, checked_name, parsed
from plantwright_cluster.processes import start_ticks


def test_a_package_is_missing_when_none_of_its_proofs_is_there() -> None:
    wanted = [packages.Package("a", "why", ("x", "y")), packages.Package("b", "why", ("z",))]
    assert [package.name for package in packages.missing(wanted, lambda proof: proof == "y")] == ["b"]


@pytest.mark.parametrize(
    ("working", "chosen"),
    [
        pytest.param({"docker", "kind"}, provider.KIND, id="both work"),
        pytest.param({"docker"}, provider.LOCAL, id="no kind"),
        pytest.param({"kind"}, provider.LOCAL, id="docker has no daemon"),
    ],
)
def test_kind_is_chosen_only_where_both_work(working: set[str], chosen: str) -> None:
    def succeeds(argv: Sequence[str]) -> bool:
        return argv[0] in working

    assert provider.choose(succeeds) == chosen


def test_only_settings_below_their_minimum_are_raised() -> None:
    assert host_settings.raised({"a": "128", "b": "900"}, {"a": 512, "b": 512, "not-here": 1}) == {"a": "512"}


@pytest.mark.parametrize(
    ("tag", "full"),
    [
        ("app", "docker.io/library/app:latest"),
        ("app:1", "docker.io/library/app:1"),
        ("plantwright/gateway:dev", "docker.io/plantwright/gateway:dev"),
        ("localhost/app:1", "localhost/app:1"),
        ("registry.test:5000/app", "registry.test:5000/app:latest"),
    ],
)
def test_images_are_named_as_the_kubelet_looks_them_up(tag: str, full: str) -> None:
    assert normalised(tag) == full


def test_an_archive_name_is_one_file_name() -> None:
    assert archive_name("localhost/app:1") == "localhost_app_1.tar"


def test_pip_in_a_build_gets_sources_and_authorities_but_no_folders_of_this_machine() -> None:
    listed = ":env:.find-links='/opt/wheels'\nglobal.index-url='https://index.test/simple'\nglobal.cert='/other.crt'\n"
    text = pip_configuration(listed, Path("/ca.crt"))
    assert "index-url = https://index.test/simple" in text
    assert "cert = /ca.crt" in text
    assert "wheels" not in text


def test_a_process_is_recognised_by_its_start_even_with_brackets_in_its_name() -> None:
    fields = " ".join(str(number) for number in range(4, 30))
    assert start_ticks(f"12 (a b) c) S {fields}") == 22
    assert start_ticks(f"12 (x) Z {fields}") is None


MOUNTS = """30 23 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro
31 30 0:27 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu
32 30 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""


def test_control_group_trees_of_both_versions_are_found() -> None:
    found = cgroups.hierarchies(MOUNTS)
    assert [(str(each.folder), each.version) for each in found] == [
        ("/sys/fs/cgroup/cpu", 1),
        ("/sys/fs/cgroup/unified", 2),
    ]


def test_a_dns_answer_counts_only_with_a_record_and_without_an_error() -> None:
    asked = dns.question("a.b")
    assert asked.endswith(b"\x01a\x01b\x00\x00\x01\x00\x01")
    yes = asked[:2] + b"\x81\x80\x00\x01\x00\x01" + asked[8:]
    no_such_name = asked[:2] + b"\x81\x83\x00\x01\x00\x00" + asked[8:]
    assert dns.says_yes(yes)
    assert not dns.says_yes(no_such_name)
    assert not any(dns.says_yes(yes[:length]) for length in range(12))


def test_a_client_certificate_names_user_and_groups() -> None:
    client = Identity("system:node:a", ("system:nodes",))
    assert client.subject == "/O=system:nodes/CN=system:node:a"
    assert "extendedKeyUsage=clientAuth" in client.extensions
    assert "subjectAltName=DNS:a,IP:127.0.0.1" in Identity("a", names=("a",), ips=("127.0.0.1",)).extensions


def test_a_slash_in_a_name_does_not_begin_another_part_of_the_subject() -> None:
    assert Identity("a/O=system:masters").subject == "/CN=a\\/O=system:masters"


@pytest.mark.parametrize("name", ["", "A", "a_b", "../x", "-a", "a-", "a" * 21])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(ClusterError):
        checked_name(name)


def test_a_record_is_read_as_it_was_written() -> None:
    text = '{"name": "a", "slot": 2, "ports": [1, 2, 3], "audited": true, "supervisor": null, "finished": false}'
    assert parsed(text) == Entry("a", 2, (1, 2, 3), audited=True)
