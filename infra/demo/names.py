"""Identifiers as AWS makes them, from a seeded source."""

from random import Random

from infra.demo.world import Account


def seeded(seed: int) -> Random:
    """The source of all that is random in a fleet. It keeps no secret, so it need not be hard to guess."""
    return Random(seed)  # noqa: S311


def hexadecimal(random: Random, digits: int = 17) -> str:
    return f"{random.getrandbits(4 * digits):0{digits}x}"


def account(random: Random, name: str, cost_centre: str) -> Account:
    return Account(f"{random.randrange(10**11, 10**12)}", name, cost_centre)


def arn(service: str, region: str, account_id: str, resource: str) -> str:
    return f"arn:aws:{service}:{region}:{account_id}:{resource}"
