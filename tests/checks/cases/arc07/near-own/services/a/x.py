import services.chassis.db
from autional_cli import render
