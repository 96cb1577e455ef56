press.publish("a book")
