def f(app):
    app.grpc_client("billing", Stub)
