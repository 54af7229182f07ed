"""AWS for the benchmark of the query server, in a process of its own: its processor time is nobody's."""

import json
import sys
from urllib.parse import urlsplit

from tests.fakes.query_engine import ISSUER
from tests.fakes.query_engine_lake import QUERIES, AwsEndpoint


class Dynamo:
    """What a query asks of DynamoDB, answered at once: moto on the same cores would be slower than what is
    measured. Writes of audit rows are taken; reads are moto's first answer, again and again."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], bytes] = {}

    def answer(self, target: str, body: bytes) -> bytes | None:
        _, _, operation = target.partition(".")
        if operation == "PutItem" and json.loads(body)["TableName"] == QUERIES:
            return b"{}"
        return self._known.get((operation, body))

    def keep(self, target: str, body: bytes, answer: bytes) -> None:
        _, _, operation = target.partition(".")
        if operation in ("GetItem", "Query"):
            self._known[operation, body] = answer


def main() -> None:
    """Prints its address, and lives until its standard input closes. Its argument is the issuer's keys."""
    keys = json.loads(sys.argv[1])
    path = f"{urlsplit(ISSUER).path}/.well-known/jwks.json"
    endpoint = AwsEndpoint({path: lambda: json.dumps(keys).encode()}, Dynamo())
    sys.stdout.write(endpoint.url + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
