from fastapi import APIRouter

router = APIRouter()


@router.get('/v1/invoices')
async def list_invoices(): ...
