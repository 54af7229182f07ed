"""Tags as people write them: most right, some missing, some misspelt."""

from random import Random

ENVIRONMENTS = ("prod", "prod", "prod", "staging", "dev")
TEAMS = ("checkout", "search", "platform", "data", "mobile", "growth", "billing", "identity")

_MISSPELT = {
    "prod": ("Prod", "prd", "production"),
    "staging": ("stage", "Staging"),
    "dev": ("Dev", "develop"),
    "checkout": ("chekout", "Checkout"),
    "platform": ("plaform", "Platform"),
    "data": ("Data", "dta"),
    "search": ("serach",),
    "mobile": ("moblie",),
}
MISSING, MISSPELT, OTHER_KEY = 0.12, 0.08, 0.05


def tags(random: Random, name: str, environment: str, team: str, app: str) -> tuple[str, ...]:
    """Values in the order of `world.TAGS`: Name, env, team, app, Environment."""
    if random.random() < MISSING:
        return (name if random.random() < 0.5 else "", "", "", "", "")
    env, owner = _spell(random, environment), _spell(random, team)
    if random.random() < MISSING:
        owner = ""
    if random.random() < OTHER_KEY:
        return (name, "", owner, app, env)
    return (name, env, owner, app, "")


def _spell(random: Random, word: str) -> str:
    wrong = _MISSPELT.get(word, ())
    return random.choice(wrong) if wrong and random.random() < MISSPELT else word
