"""What can be followed: every stream first replays what is after its cursor, then goes on as things happen."""
