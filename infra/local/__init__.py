"""The platform on one machine: the same synthesized templates on an embedded emulator.

`platform.py` is the door (up, down, status, logs). Nothing outside `infra/local` and
`infra/commands` knows that this package exists.
"""
