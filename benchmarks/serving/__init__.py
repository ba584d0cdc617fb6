"""What the serving benchmarks share: load, servers under watch, peers, figures.

In: a server's command, and what to ask of it. Out: figures of how it answered and what that
cost. Traffic goes to 127.0.0.1 alone, and is bounded in time and count.
"""
