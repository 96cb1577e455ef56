from services.a import routes  # expect: ARC02
