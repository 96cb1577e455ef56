"""What an engine that spans machines needs to run a stack, written from the SPECs and the stack file."""
