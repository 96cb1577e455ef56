from fastapi import APIRouter

router = APIRouter()


@router.get('/v1/invoices')  # expect: CON04
async def list_invoices(): ...


@router.get('/v1/old', operation_id='old_invoices')
async def old_invoices(): ...  # expect: CON04
