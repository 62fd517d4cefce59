"""The message we promised to deliver: its record, its statuses, its legal moves. Pure: no I/O, no clock."""
