def invoice_paid(unit, invoice_id: UUID, note: str | None, total) -> None:
    data = {"note": note, "total": total, "who": {"id": str(invoice_id)}}
    unit.publish("invoice.paid", invoice_id, {"note": note, "total": total, "who": {"id": str(invoice_id)}})  # expect: EVT02
