# compiledai module places@1
"""States of large cities, for fields that want a city with its state."""

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


def with_state(city: str) -> str:
    """Return a large city with its state, as in `Boston, MA`; empty for any other text."""
    for state, cities in LARGE_CITIES.items():
        if city in cities.split("|"):
            return f"{city}, {state}"
    return ""
