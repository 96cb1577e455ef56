from fastapi import APIRouter

router = APIRouter(prefix="/v1")


@router.get("/invoices")  # expect: CON01
async def list_invoices() -> object: ...
