from fastapi import APIRouter

router = APIRouter()


@router.get('/v1/invoices')  # expect: CON05
async def list_invoices(): ...
