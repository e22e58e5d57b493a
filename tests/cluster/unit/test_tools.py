"""The Go modules we write, and the versions we read."""

from plantwright_cluster.tools.building import _Count
from plantwright_cluster.tools.modules import module_file, source_file, staging_modules
from plantwright_cluster.tools.table import HELM, KUBERNETES
from plantwright_cluster.tools.toolchain import parsed_version

UPSTREAM = """module k8s.io/kubernetes

go 1.24.0

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/kubectl => ./staging/src/k8s.io/kubectl
)
"""


def test_staging_modules_are_taken_by_version_instead_of_by_folder() -> None:
    text = module_file(KUBERNETES, UPSTREAM)
    assert staging_modules(UPSTREAM) == ["k8s.io/api", "k8s.io/kubectl"]
    assert f"\tk8s.io/api => k8s.io/api {KUBERNETES.version.replace('v1', 'v0')}\n" in text
    assert "\ngo 1.24.0\n" in text


def test_a_module_without_staging_has_no_replace() -> None:
    assert "replace" not in module_file(HELM, "module x\n\ngo 1.26.0\n")


def test_the_commands_are_named_for_tidy() -> None:
    assert '\t_ "k8s.io/kubernetes/cmd/kubelet"\n' in source_file(KUBERNETES)
    assert "kubelet" in KUBERNETES.programs


def test_go_versions_compare_as_numbers() -> None:
    assert parsed_version("go version go1.9.2 linux/amd64") < parsed_version("go version go1.26.8 linux/amd64")
    assert parsed_version("nonsense") == (0, 0)


def test_package_lines_are_counted_and_error_lines_kept() -> None:
    count = _Count()
    count.take_all(["k8s.io/api/core/v1\n", "# k8s.io/broken\n", "a.go:1: no such thing\n"])
    assert count.packages == 1
    assert count.other == ["# k8s.io/broken", "a.go:1: no such thing"]
