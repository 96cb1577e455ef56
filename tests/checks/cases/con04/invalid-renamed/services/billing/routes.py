from fastapi import APIRouter

router = APIRouter()


@router.get('/v1/invoices')  # expect: CON04
async def list_invoices(): ...
