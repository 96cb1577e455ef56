from fastapi import APIRouter

router = APIRouter()


@router.get('/v1/invoices')  # expect: CON02
async def list_invoices(): ...
