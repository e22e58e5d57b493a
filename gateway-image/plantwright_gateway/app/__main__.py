"""Start the gateway."""

import sys

from plantwright_gateway.app.main import main

if __name__ == "__main__":
    sys.exit(main())
