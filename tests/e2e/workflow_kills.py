"""Where functions of workflows are killed amid random runs: (handler, failpoint)."""

SOON = [
    *(
        ("dispatcher", each)
        for each in (
            "workflow dispatcher: effect done",
            "workflow dispatcher: attempt journaled",
            "workflow dispatcher: run ended",
            "workflow dispatcher: attempt ended",
            "workflow dispatcher: attempt begins",
            "workflow dispatcher: run running",
            "workflow dispatcher: run to be ended",
            "workflow dispatcher: failure noted",
            "workflow dispatcher: approval journaled",
            "workflow dispatcher: approval opened",
            "workflow dispatcher: action asked for",
            "workflow dispatcher: journal carried",
        )
    ),
    ("api", "workflow dispatcher: run cancelling"),
    ("api", "workflow dispatcher: retry created"),
]
"""Where a function dies in an example, once; what it was doing is taken up again within seconds."""
LATER = [
    *SOON,
    None,
    ("on_approval_decided", "workflow dispatcher: answer journaled"),
    ("on_run_requested", "workflow start: place taken"),
    ("on_run_requested", "workflow dispatcher: execution stopped"),
    ("on_run_requested", "workflow dispatcher: history written"),
]
"""And where a message has to come back, which takes minutes."""
