"""What every sandbox shares: starting one on a free port, switches for faults, counters of calls.

A sandbox is an ASGI app that speaks one vendor's wire format. It never imports the client or the
target that it tests.
"""
