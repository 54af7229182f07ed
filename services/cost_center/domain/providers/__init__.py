"""The formats of bills that Onyx reads: one package each, found by `registry`.

A package here is a provider unless its name begins with an underscore: those are what several share.
"""
