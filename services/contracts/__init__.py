"""Wire contracts between services, generated from `services/*/*.proto` by `make contracts`.

They are generated into one package, so that a caller needs the contract and never the other service (docs/adr/0004).
"""
