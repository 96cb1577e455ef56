"""The todo list of a user: what the `TODO` column holds."""

TODO = "todo: buy milk"  # todo lists are named by their owner
# todo items are sorted
SCOPE = "todo:read"
