def build(app, edge):
    return app.with_front(lambda inner: edge)
