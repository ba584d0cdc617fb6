"""The edge of the room: where models run, how cases are played on them, and the clock."""
