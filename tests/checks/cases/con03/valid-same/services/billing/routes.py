




@router.get('/v1/invoices')
async def list_invoices(): ...


@router.post('/v1/invoices')
async def create_invoice(): ...
