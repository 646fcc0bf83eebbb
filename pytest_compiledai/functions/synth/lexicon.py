"""Words by which descriptions and requests are read: general English, no task's own."""

from __future__ import annotations

#: Words that say the same in requests and in descriptions.
SAME = (
    "start initial starting begin beginning origin departure source initially first",
    "end final ending destination target arrival finally last",
    "price cost costing priced worth",
    "duration period time",
    "weight weighs weighing weighed mass",
    "height tall high",
    "length long",
    "width wide",
    "depth deep",
    "age old aged",
    "distance away apart far",
    "speed velocity fast",
    "rate yield growth return",
    "minimum min least lower",
    "maximum max most upper",
    "principal deposit investment invest invested loan",
    "person people guest guests",
    "population inhabitants",
    "temperature temp degrees",
    "radius radii",
    "quantity count number amount",
    "salary income earn earning",
    "year years annual annually yearly",
    "budget spend",
    "buy bought purchase purchased",
    "sell sold sale",
    "top best highest",
    "probability chance odds",
    "title called named titled name",
    "exponent power",
    "author written",
    "artist singer band musician",
    "id identifier",
)
#: What a field measures, by a word of its name or its description.
DIMENSIONS = {
    "velocity": "speed",
    "speed": "speed",
    "acceleration": "acceleration",
    "duration": "time",
    "time": "time",
    "period": "time",
    "distance": "length",
    "height": "length",
    "length": "length",
    "radius": "length",
    "width": "length",
    "diameter": "length",
    "depth": "length",
    "side": "length",
    "altitude": "length",
    "mass": "mass",
    "weight": "mass",
    "temperature": "temperature",
    "temp": "temperature",
    "price": "money",
    "cost": "money",
    "budget": "money",
    "income": "money",
    "principal": "money",
    "salary": "money",
    "fee": "money",
    "deposit": "money",
    "revenue": "money",
    "rent": "money",
    "loan": "money",
    "investment": "money",
    "payment": "money",
    "dividend": "money",
    "rate": "percent",
    "percentage": "percent",
    "yield": "percent",
    "discount": "percent",
    "charge": "charge",
    "current": "",
    "voltage": "voltage",
    "resistance": "resistance",
    "power": "power",
    "force": "force",
    "pressure": "pressure",
    "frequency": "frequency",
    "area": "area",
    "volume": "volume",
    "year": "calendar",
    "years": "time",
    "months": "time",
    "days": "time",
    "hours": "time",
    "weeks": "time",
    "minutes": "time",
    "seconds": "time",
    "age": "time",
    "day": "",
    "month": "",
}
#: The last word of the name of a field that takes a formula.
FORMULAS = frozenset("function expression polynomial equation formula".split())
ROLE_WORDS = (
    ("unit", "unit units"),
    ("date", "date dates day"),
    ("time", "time clock hour"),
    ("from", "start origin from source departure starting initial"),
    ("to", "end destination to target arrival ending"),
    ("by", "author artist by creator composer painter sculptor director"),
    ("id", "id identifier number code docket isbn key"),
    (
        "place",
        (
            "location city country place state area region court county address town venue where "
            "jurisdiction"
        ),
    ),
    ("language", "language"),
)
GENERIC = frozenset(
    (
        "given get calculate value values number name type info information data specific "
        "specified parameter optional default list return based details e g i format whether true "
        "false if used use using required include included including set provided indicate flag "
        "want function string integer float boolean array one two etc such like"
    ).split()
)
#: Words of a switch's name that do not say what it switches.
SWITCHES = frozenset(
    "allow enable enabled include including included with show get has is apply use used add "
    "return only flag need want needed should display fetch as".split()
)
