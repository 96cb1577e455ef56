"""The gateway is the single entry point: it checks tokens, limits, routes, joins and passes on."""
