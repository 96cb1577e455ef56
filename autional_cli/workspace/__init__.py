"""The workspace: which services exist, what a stack file says, and who needs whom."""
