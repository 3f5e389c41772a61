"""What can be done: every mutation is refused whole before anything is written, or done."""
