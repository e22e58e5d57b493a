"""Run the command line: python -m plantwright_cluster <verb>."""

from plantwright_cluster.cli import main

raise SystemExit(main())
