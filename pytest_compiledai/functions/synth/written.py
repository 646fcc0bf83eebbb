"""How fields want states, cities and languages written that requests name in words."""

from __future__ import annotations

#: Cities of the United States of which nobody means another one, by the code of their state.
LARGE_CITIES = {
    "AZ": "Phoenix|Tucson|Mesa",
    "CA": "Los Angeles|San Diego|San Jose|San Francisco|Fresno|Sacramento|Oakland|Palo Alto",
    "CO": "Denver|Colorado Springs",
    "FL": "Jacksonville|Miami|Tampa|Orlando",
    "GA": "Atlanta",
    "HI": "Honolulu",
    "IL": "Chicago",
    "IN": "Indianapolis",
    "KY": "Louisville",
    "LA": "New Orleans",
    "MA": "Boston",
    "MD": "Baltimore",
    "MI": "Detroit",
    "MN": "Minneapolis",
    "MO": "Kansas City",
    "NC": "Charlotte|Raleigh",
    "NE": "Omaha",
    "NM": "Albuquerque",
    "NV": "Las Vegas",
    "NY": "New York|New York City",
    "OH": "Columbus|Cleveland|Cincinnati",
    "OK": "Oklahoma City|Tulsa",
    "OR": "Portland",
    "PA": "Philadelphia|Pittsburgh",
    "TN": "Nashville|Memphis",
    "TX": "Houston|San Antonio|Dallas|Austin|Fort Worth|El Paso",
    "WA": "Seattle",
    "WI": "Milwaukee",
}
#: Names and codes of states and of languages.
STATE_CODES = (
    "alabama AL|alaska AK|arizona AZ|arkansas AR|california CA|colorado CO|connecticut CT"
    "|delaware DE|florida FL|georgia GA|hawaii HI|idaho ID|illinois IL|indiana IN|iowa IA|kansas KS"
    "|kentucky KY|louisiana LA|maine ME|maryland MD|massachusetts MA|michigan MI|minnesota MN"
    "|mississippi MS|missouri MO|montana MT|nebraska NE|nevada NV|new hampshire NH|new jersey NJ"
    "|new mexico NM|new york NY|north carolina NC|north dakota ND|ohio OH|oklahoma OK|oregon OR"
    "|pennsylvania PA|rhode island RI|south carolina SC|south dakota SD|tennessee TN|texas TX"
    "|utah UT|vermont VT|virginia VA|washington WA|west virginia WV|wisconsin WI|wyoming WY"
)
LANGUAGE_CODES = (
    "english en|french fr|german de|spanish es|italian it|portuguese pt|dutch nl|swedish sv"
    "|norwegian no|danish da|finnish fi|polish pl|russian ru|ukrainian uk|turkish tr|greek el"
    "|arabic ar|hebrew he|hindi hi|bengali bn|chinese zh|japanese ja|korean ko|vietnamese vi"
    "|thai th|indonesian id|czech cs|hungarian hu|romanian ro"
)


def written(codes: str, *, with_state: bool) -> tuple[tuple[str, str], ...]:
    """Return what a request says, in lower case, and how a field wants it written."""
    if with_state:
        cities = [(state, city) for state, row in LARGE_CITIES.items() for city in row.split("|")]
        return tuple((city.lower(), f"{city}, {state}") for state, city in cities)
    listed = {"state": STATE_CODES, "language": LANGUAGE_CODES}.get(codes, "")
    entries = [entry.rpartition(" ") for entry in listed.split("|") if entry]
    return tuple((word, code) for word, _, code in entries)
