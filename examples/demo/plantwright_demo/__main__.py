"""`python -m plantwright_demo up|down [--name demo]`."""

import argparse
import shutil
import sys

from plantwright_cluster import ClusterError, kind, provider, tools
from plantwright_cluster import Progress as ClusterProgress
from plantwright_cluster.cluster import remove
from plantwright_demo.images import ROOT
from plantwright_demo.kubectl import KubectlError
from plantwright_demo.progress import TimedOutError
from plantwright_demo.stage import MES, PLANT_NAMESPACE, PROMETHEUS, Stage, bring_up
from plantwright_demo.summary import summarise

WHERE = """
Where to look
  export KUBECONFIG={kubeconfig} PATH={programs}:$PATH
  machines      kubectl get machines -n {plant}
  why           kubectl describe machine -n {plant} lathe-01
  the MES       kubectl port-forward -n {mes[0]} service/{mes[1]} {mes[2]}     then http://localhost:{mes[2]}/
  Prometheus    kubectl port-forward -n {prometheus[0]} service/{prometheus[1]} {prometheus[2]}   then http://localhost:{prometheus[2]}/graph?g0.expr=machine:plantwright_oee:ratio_rate5m
  take it down  make demo-down
"""


def up(name: str) -> int:
    """Bring the demo up and print its summary; 0 when every machine is in force and nothing is lost or doubled."""
    stage = Stage(name)
    bring_up(stage)
    summary, _ = summarise(stage)
    print(
        WHERE.format(
            kubeconfig=stage.kubeconfig,
            programs=tools().kubectl.parent,
            plant=PLANT_NAMESPACE,
            mes=MES,
            prometheus=PROMETHEUS,
        )
    )
    print(summary.line(), flush=True)
    good = summary.ready == summary.machines > 0 and summary.observations > 0
    return 0 if good and not summary.lost and not summary.stored_twice else 1


def down(name: str) -> int:
    """Remove the cluster and everything made for it; the build cache stays."""
    if provider.choose() == provider.KIND:
        kind.delete(name)
    else:
        remove(name, ClusterProgress())
    shutil.rmtree(ROOT / ".run" / name, ignore_errors=True)
    return 0


VERBS = {"up": up, "down": down}


def main() -> int:
    """Run one verb; what went wrong is one sentence, not a traceback."""
    parser = argparse.ArgumentParser(prog="plantwright_demo", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--name", default="demo", help="name of the cluster")
    arguments = parser.parse_args()
    try:
        return VERBS[arguments.verb](arguments.name)
    except (ClusterError, KubectlError, TimedOutError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
