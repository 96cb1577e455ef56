"""Load through the gateway, and the accounting that follows it: every request, and every event it caused."""
