"""The collections of audit."""

from __future__ import annotations

from services.chassis.documents import Collection, Index

_RECORD = {
    "bsonType": "object",
    "required": ["_id", "seq", "type", "actor", "time", "data", "stored_at", "previous", "hash"],
    "properties": {
        "_id": {"bsonType": "string"},
        "seq": {"bsonType": ["int", "long"]},
        "type": {"bsonType": "string"},
        "actor": {"bsonType": "string"},
        "time": {"bsonType": "date"},
        "data": {"bsonType": "object"},
        "stored_at": {"bsonType": "date"},
        "previous": {"bsonType": "string"},
        "hash": {"bsonType": "string"},
    },
}

EVENTS = Collection(
    name="events",
    indexes=(
        Index(name="seq", keys=(("seq", 1),), unique=True),
        Index(name="actor_seq", keys=(("actor", 1), ("seq", -1))),
        Index(name="type_seq", keys=(("type", 1), ("seq", -1))),
        Index(name="time", keys=(("time", 1),)),
    ),
    validator={"$jsonSchema": _RECORD},
)
ANCHORS = Collection(name="anchors")
COLLECTIONS = (EVENTS, ANCHORS)
