"""Handlers, one for each kind of step: what is done when the state machine asks for it.

A handler gets the step's record (None: it has not begun) and returns the record as it is journaled. The
dispatcher makes the reply from it.
"""
