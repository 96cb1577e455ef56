




@router.get('/v1/invoices')  # expect: CON03
async def list_invoices(): ...


@router.post('/v1/invoices')  # expect: CON03
async def create_invoice(): ...
