def invoice_paid(unit, invoice_id: UUID, total: int) -> None:
    unit.publish("invoice.paid", invoice_id, _ids(invoice_id) | {"total": total})  # expect: EVT02


def _ids(invoice_id: UUID) -> dict[str, object]:
    return {"invoice_id": str(invoice_id)}
