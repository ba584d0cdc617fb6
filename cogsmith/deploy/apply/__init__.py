"""Where a deployment meets the world: Docker's and Kubernetes' own commands.

The words of each command are made in ``commands``; what is here starts them, waits, and reads
what they say.
"""
