from services.chassis.bus import Consumer as Reader  # expect: EVT05
