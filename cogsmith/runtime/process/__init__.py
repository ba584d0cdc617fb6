"""The edge between us and the child: its process, its socket, its pipes, and the clock."""
