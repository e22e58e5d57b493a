"""`python -m plantwright_shopfloor.ask stop lathe-01`: ask a running floor to do something; without words, how it is.

Actions are those of POST /control: pause, resume, stop, start, reboot, disturb; `*` is every machine.
"""

import argparse
import json
import sys
import urllib.error
import urllib.request


def ask(url: str, action: str = "", machine: str = "*", seconds: float = 5.0) -> str:
    """The floor's answer.

    Raises:
        urllib.error.URLError: when the floor refuses or does not answer.
    """
    if not action:
        request = urllib.request.Request(f"{url}/machines")  # noqa: S310  the floor's own address
    else:
        body = json.dumps({"machine": machine, "action": action, "seconds": seconds}).encode()
        request = urllib.request.Request(f"{url}/control", data=body, method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        answer: str = response.read().decode()
        return answer


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="plantwright_shopfloor.ask", description=__doc__)
    parser.add_argument("action", nargs="?", default="", help="pause, resume, stop, start, reboot or disturb")
    parser.add_argument("machine", nargs="?", default="*")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long a reboot or a disturbance takes")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="address of the floor")
    words = parser.parse_args()
    try:
        print(ask(words.url, words.action, words.machine, words.seconds).rstrip())
    except urllib.error.HTTPError as error:
        print(error.read().decode().rstrip(), file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{words.url} does not answer: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
