from services.chassis.db import VALUE
