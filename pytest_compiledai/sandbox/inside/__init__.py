"""The part of the sandbox that runs in its own processes: zygote, lock-down, worker.

Standard library only, relative imports only: the zygote loads this folder by path, in an
interpreter that sees no installed package.
"""
