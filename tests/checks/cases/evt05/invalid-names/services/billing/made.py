from services.chassis.bus import Consumer  # expect: EVT05

Made = type("Made", (Consumer,), {})
