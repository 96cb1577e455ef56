from fastapi import APIRouter

router = APIRouter()
ENTRY = "services.a.x:main"


@router.get("/x")
async def get_x() -> None: ...


def main() -> None: ...


class Handler(Base):
    def called_by_base(self) -> None: ...


HANDLER = Handler
