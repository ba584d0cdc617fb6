"""The front process: Cog's HTTP API over one or more workers.

In: HTTP requests, and how the server is to run. Out: predictions, as JSON or as they happen.
Touches: sockets; and the workers through ``cogsmith.runtime.client``, never the author's code.
"""
