# compiledai module codes@1
"""Codes of states and languages, by their names."""

from __future__ import annotations

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


def code_in(listed_codes: str, text: str) -> str:
    """Return the code of a word in a list of words and codes; empty where it is not in it."""
    for entry in listed_codes.split("|"):
        word, _, code = entry.rpartition(" ")
        if word == text.lower():
            return code
    return ""
