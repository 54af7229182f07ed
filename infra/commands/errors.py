"""What a command says when it cannot: one line, and the exit code."""


class CommandError(Exception):
    """`exit_code` 1: it failed; 2: it was called wrongly."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def usage(message: str) -> CommandError:
    return CommandError(message, exit_code=2)
