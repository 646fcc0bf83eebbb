import json

json = 3
