def invoice_paid(unit, data) -> None:
    unit.publish("invoice.paid", "x", data)  # expect: EVT01
