def invoice_paid(unit, invoice_id: UUID, note: str, total: int, lines: list[int]) -> None:
    who = {"id": str(invoice_id), "name": note}
    unit.publish("invoice.paid", invoice_id, {"note": note, "total": total, "who": {"id": str(invoice_id)}, "old": lines})
