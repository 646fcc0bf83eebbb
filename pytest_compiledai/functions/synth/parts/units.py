# compiledai module units@1
"""Units of measure: what dimension a word beside a number has."""

from __future__ import annotations

# Each line: a dimension, then groups of words for one unit, split by bars.
UNIT_LINES = (
    (
        "time:second seconds sec secs s|minute minutes min mins|hour hours hr hrs h|day days|"
        "week weeks|month months|year years yr yrs|quarter quarters|decade decades"
    ),
    (
        "length:meter meters metre metres m|kilometer kilometers kilometre kilometres km kms|"
        "centimeter centimeters centimetre centimetres cm|millimeter millimeters mm|mile miles mi|"
        "foot feet ft|inch inches|yard yards"
    ),
    (
        "mass:kilogram kilograms kg kgs|gram grams g|pound pounds lb lbs|ton tons tonne tonnes|"
        "milligram milligrams mg"
    ),
    "temperature:celsius \u00b0c|fahrenheit \u00b0f|kelvin k|degree degrees",
    (
        "money:$ dollar dollars usd|\u20ac euro euros eur|\u00a3 gbp|\u20b9 rupee rupees inr|"
        "\u00a5 yen jpy|cent cents"
    ),
    "percent:% percent percentage",
    "speed:m/s meters/second m/sec|km/h kmh kph|mph",
    "acceleration:m/s^2 m/s2 meters/second^2",
    "charge:coulomb coulombs c",
    "current:ampere amperes amps amp a",
    "voltage:volt volts v",
    "resistance:ohm ohms",
    "power:watt watts w|kilowatt kilowatts kw|horsepower",
    "energy:joule joules j|calorie calories kcal|kilowatt-hour kwh",
    "force:newton newtons n",
    "pressure:pascal pascals pa|atm atmosphere atmospheres|bar",
    "frequency:hertz hz|khz|mhz",
    "field:tesla t",
    "area:m^2 m2|acre acres|hectare hectares|sqft",
    "volume:liter liters litre litres l|m^3 m3|gallon gallons|cup cups|milliliter ml",
    "amount:mole moles mol",
)
UNITS = {
    word: (line.partition(":")[0], group.split()[0])
    for line in UNIT_LINES
    for group in line.partition(":")[2].split("|")
    for word in group.split()
}


def unit_of(word: str) -> tuple[str, str]:
    """Return the dimension and the unit of a word beside a number, empty where it is no unit."""
    return UNITS.get(word, ("", ""))
