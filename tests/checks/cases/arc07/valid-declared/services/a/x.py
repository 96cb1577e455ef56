import json

import orjson
import yaml
