"""Inputs that nobody would send on purpose, for everything that reads what comes from outside.

``chance`` makes them, ``watch`` looks on while one is read, and each other module has the targets of one kind.
"""
