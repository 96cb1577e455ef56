from fastapi import APIRouter

router = APIRouter(prefix="/v1")


@router.get("/invoices")
async def list_invoices() -> object: ...
