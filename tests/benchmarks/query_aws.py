"""AWS for the benchmark of the query server, in a process of its own: its processor time is nobody's."""

import json
import sys
from urllib.parse import urlsplit

from tests.fakes.query_engine import ISSUER
from tests.fakes.query_engine_lake import AwsEndpoint


def main() -> None:
    """Prints its address, and lives until its standard input closes. Its argument is the issuer's keys."""
    keys = json.loads(sys.argv[1])
    path = f"{urlsplit(ISSUER).path}/.well-known/jwks.json"
    endpoint = AwsEndpoint({path: lambda: json.dumps(keys).encode()})
    sys.stdout.write(endpoint.url + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
