"""Requests read without a model: what is taken, and above all what is refused."""

from __future__ import annotations

import ast

import pytest

from pytest_compiledai.functions.synth import parts_library
from pytest_compiledai.functions.synth.describing import knowledge_of
from pytest_compiledai.functions.synth.parts.fields import Refusal
from pytest_compiledai.functions.synth.parts.reading import read
from pytest_compiledai.functions.synth.parts.several import chosen
from pytest_compiledai.functions.synth.parts.several import read_several


def schema(required: tuple[str, ...] = (), **fields: object) -> dict:
    properties = {
        name: data
        if isinstance(data, dict)
        else dict(zip(("type", "description"), data, strict=True))
        for name, data in fields.items()
    }
    return {"type": "object", "properties": properties, "required": list(required)}


INTEGER = "integer"
TRIANGLE = knowledge_of(
    "triangle_area",
    "Calculate the area of a triangle given its base and height.",
    schema(
        ("base", "height"),
        base=(INTEGER, "The base of the triangle."),
        height=(INTEGER, "The height of the triangle."),
        unit=("string", "The unit of measure. Default is 'cm'."),
    ),
)
LOAN = knowledge_of(
    "loan_payment",
    "Calculate the monthly payment of a loan.",
    schema(
        ("principal", "rate", "years"),
        principal=(INTEGER, "The amount borrowed."),
        rate=("number", "The annual interest rate."),
        years=(INTEGER, "The duration of the loan in years."),
    ),
)
RUN = knowledge_of(
    "run_distance",
    "Log the distance of a run.",
    schema(("distance",), distance=(INTEGER, "The distance in kilometers.")),
)
TRIP = knowledge_of(
    "get_directions",
    "Retrieve directions from one location to another.",
    schema(
        ("start_location", "end_location"),
        start_location=("string", "The starting point of the journey."),
        end_location=("string", "The destination point of the journey."),
        route_type={"enum": ["fastest", "scenic"], "description": "Type of route."},
        avoid_tolls=("boolean", "Whether to avoid tolls."),
    ),
)
EVENT = knowledge_of(
    "create_event",
    "Create a calendar event.",
    schema(
        ("title", "date"),
        title=("string", "The title of the event."),
        date=("string", "The date of the event in the format YYYY-MM-DD."),
    ),
)


@pytest.mark.parametrize(
    ("knowledge", "text", "values"),
    [
        (
            TRIANGLE,
            "What is the area of a triangle with height 7 and base 12?",
            {"base": 12, "height": 7},
        ),
        (TRIANGLE, "triangle area, base and height as 6 and 10", {"base": 6, "height": 10}),
        (TRIANGLE, "Triangle area: base = 3, height = 4", {"base": 3, "height": 4}),
        (
            TRIANGLE,
            "Area of a triangle with a base of 5 inches and a height of 8 inches",
            {"base": 5, "height": 8, "unit": "inches"},
        ),
        (
            LOAN,
            "Monthly payment for a loan of $250,000 at an interest rate of 4.5% for 30 years",
            {"principal": 250000, "rate": 0.045, "years": 30},
        ),
        (
            LOAN,
            "What is the monthly payment over 15 years on a $1.2M loan with a rate of 3%?",
            {"principal": 1200000, "rate": 0.03, "years": 15},
        ),
        (
            TRIP,
            "Get directions from Oslo to New York City by the scenic route",
            {"start_location": "Oslo", "end_location": "New York City", "route_type": "scenic"},
        ),
        (
            TRIP,
            "Directions to Lyon from Paris, avoid tolls",
            {"start_location": "Paris", "end_location": "Lyon", "avoid_tolls": True},
        ),
        (
            EVENT,
            "Create an event titled 'Board meeting' on March 5, 2024",
            {"title": "Board meeting", "date": "2024-03-05"},
        ),
    ],
)
def test_what_a_request_says_is_taken(knowledge, text, values):
    """Numbers by cues and units, names by what stands before them, dates in the shape asked for."""
    assert read(text, knowledge) == values


SONG = knowledge_of(
    "play_song", "Play a song.", schema(("title",), title=("string", "The title of the song."))
)


@pytest.mark.parametrize(
    ("knowledge", "text"),
    [
        (TRIANGLE, "What is the area of a triangle with base 12?"),  # a field is missing
        (TRIANGLE, "Area of a triangle with base 12, height 7 and 3"),  # a number is left
        (TRIANGLE, "Area of a triangle with the numbers 7 and 12"),  # which is which?
        (TRIANGLE, "Area of a triangle, base 5 cm and height 3 inches"),  # two units
        (TRIANGLE, "The base price is 5 and the height of ambition 7"),  # about something else
        (LOAN, "Monthly payment of a loan of $1000, $2000 and $3000 at 5% for 3 years"),
        (LOAN, "Monthly payment of a loan of $1000 at 5% for 36 months"),  # not in years
        (RUN, "Log the distance of a run of 30 minutes"),  # no distance
        (TRIP, "Get directions from Oslo"),  # no destination
        (TRIP, "Directions from Oslo to Bergen, the fastest or the scenic route"),  # two options
        (EVENT, "Create an event titled 'Board meeting' on 05/06/2024"),  # which is the month?
        (EVENT, "Create an event titled 'A' and one titled 'B' on 2024-03-05"),
        (EVENT, "Create an event titled ' ' on 2024-03-05"),  # nothing is quoted
        (SONG, "Play the title song 'Yesterday' while candles burn"),  # words beyond texts alone
    ],
)
def test_what_is_not_clear_is_refused(knowledge, text):
    """Rather no answer than a guess."""
    assert isinstance(read(text, knowledge), Refusal)


def test_the_function_that_a_request_is_about_is_chosen():
    """By the words that tell it from the others; none where they tell nothing."""
    text = "Monthly payment for a loan of $5000 at an interest rate of 4% for 3 years"

    assert chosen(text, (TRIANGLE, LOAN))[0] == 1
    assert isinstance(chosen("Do it, please", (TRIANGLE, LOAN)), Refusal)


def test_a_function_that_could_be_read_is_not_chosen_over_the_one_asked_for():
    """Both have a base and a height; the request names one of the two figures."""
    fields = {name: (INTEGER, f"The {name}.") for name in ("base", "height")}
    described = "Calculate the area of a rectangle given its base and height."
    rectangle = knowledge_of("rectangle_area", described, schema(("base", "height"), **fields))

    assert chosen("Area of a triangle with base 3 and height 4", (rectangle, TRIANGLE))[0] == 1


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (
            "Area of a triangle with base 3 and height 4. Also with base 5 and height 6.",
            [{"base": 3, "height": 4}, {"base": 5, "height": 6}],
        ),
        (
            "Area of a triangle with a base of 3 and a height of 4, 5 and 6",
            [{"base": 3, "height": height} for height in (4, 5, 6)],
        ),
    ],
)
def test_several_calls_are_read_from_parts_and_enumerations(text, values):
    """Each part is a call of its own; what varies is one enumeration."""
    assert read_several(text, TRIANGLE) == values


def test_a_part_that_refers_to_another_is_refused():
    """What an earlier call gives is not in the request."""
    text = "Area of a triangle with base 3 and height 4, then use the result as base with height 6"

    assert isinstance(read_several(text, TRIANGLE), Refusal)


def test_things_counted_otherwise_than_the_calls_are_refused():
    """A request that counts three circles and describes two was not understood."""
    text = "Areas of {} triangles, with a base of 3 and a height of 4 and 5"

    assert isinstance(read_several(text.format("three"), TRIANGLE), Refusal)
    assert len(read_several(text.format("two"), TRIANGLE)) == 2


DERIVATIVE = knowledge_of(
    "derivative",
    "Compute the derivative of a function at a value.",
    schema(
        ("function",),
        function=("string", "The function, such as x^2."),
        value=(INTEGER, "The value at which the derivative is computed."),
    ),
)
SAVINGS = knowledge_of(
    "savings_growth",
    "Compute the growth of savings with compound interest.",
    schema(
        ("principal", "rate", "years", "n"),
        principal=(INTEGER, "The amount saved."),
        rate=("number", "The annual interest rate."),
        years=(INTEGER, "The duration in years."),
        n=(INTEGER, "The number of times that interest is compounded per year."),
    ),
)
MIXTURE = knowledge_of(
    "mix_water",
    "Compute the temperature of water that is mixed.",
    schema(
        ("mass1", "temperature1", "mass2", "temperature2"),
        **{
            f"{name}{n}": (INTEGER, f"The {name} of the {word} part in {unit}.")
            for n, word in ((1, "first"), (2, "second"))
            for name, unit in (("mass", "kg"), ("temperature", "Celsius"))
        },
    ),
)
ROUTE = knowledge_of(
    "estimate_route",
    "Estimate the time of a route.",
    schema(
        ("start_location", "end_location"),
        start_location=("string", "The start of the route."),
        end_location=("string", "The end of the route."),
        stops={"type": "array", "items": {"type": "string"}, "description": "Places to stop at."},
    ),
)
WEATHER = knowledge_of(
    "get_weather",
    "Get the weather of a place.",
    schema(("location",), location=("string", "City and state, such as San Francisco, CA.")),
)
CASE = knowledge_of(
    "find_case",
    "Find a court case.",
    schema(
        ("docket_number", "state"),
        docket_number=("string", "The docket number of the case."),
        state=("string", "Abbreviation of the state, such as 'CA' or 'NY'."),
    ),
)
SHAPE = knowledge_of(
    "draw_shape",
    "Draw a shape.",
    schema(("shape",), shape=("string", "What to draw, such as circle, square, triangle etc.")),
)


@pytest.mark.parametrize(
    ("knowledge", "text", "values"),
    [
        (
            DERIVATIVE,
            "Compute the derivative of the function 3x^2 + 2x - 1 at 5.",
            {"function": "3x**2 + 2x - 1", "value": 5},
        ),
        (
            SAVINGS,
            "Growth of savings of $1000 at an interest rate of 3% for 5 years, compounded quarterly",
            {"principal": 1000, "rate": 0.03, "years": 5, "n": 4},
        ),
        (
            MIXTURE,
            "Temperature when 20 kg of water at 30 Celsius is mixed with 15 kg of water at 60 Celsius",
            {"mass1": 20, "temperature1": 30, "mass2": 15, "temperature2": 60},
        ),
        (
            ROUTE,
            "Estimate the route from Oslo to Bergen with stops at Lillehammer and Voss",
            {"start_location": "Oslo", "end_location": "Bergen", "stops": ["Lillehammer", "Voss"]},
        ),
        (WEATHER, "What is the weather in Boston?", {"location": "Boston, MA"}),
        (
            CASE,
            "Find the court case with docket number 12345 in Texas",
            {"docket_number": "12345", "state": "TX"},
        ),
        (SHAPE, "Draw a square", {"shape": "square"}),
    ],
)
def test_kinds_of_values_that_descriptions_tell(knowledge, text, values):
    """Formulas, periods of a year, pairs by what they measure, lists, codes, examples."""
    assert read(text, knowledge) == values


@pytest.mark.parametrize(
    ("knowledge", "text"),
    [
        (DERIVATIVE, "Compute the derivative of x^2 and of x^3 at 5"),  # one function, two formulas
        (WEATHER, "What is the weather in Springfield?"),  # which state?
        (RUN, "Log the distance of a run with a loss of 5 kilometers"),  # below nothing?
    ],
)
def test_what_such_values_leave_open_is_refused(knowledge, text):
    """Rather no answer than a guess."""
    assert isinstance(read(text, knowledge), Refusal)


def test_a_later_part_takes_what_it_does_not_say_from_the_one_before_it():
    """Also where the parts are told apart by ordinals alone."""
    text = "Area of a triangle with base 3 and height 4. Then do the same with a height of 6."
    found = read_several(text, TRIANGLE)

    assert found == [{"base": 3, "height": 4}, {"base": 3, "height": 6}]


def test_what_is_copied_into_a_program_says_the_same_in_fewer_bytes():
    """A copied part has neither docstring nor deep indent, and is otherwise what was tried here."""
    parts = parts_library.parts().needed("read_several(chosen(x))")
    items = [item for part in parts for item in part.definitions]
    copied = [parts_library._bare(item).text for item in items]

    for item, text in zip(items, copied, strict=True):
        assert ast.dump(ast.parse(text).body[0]) == ast.dump(bare(item.node))
    assert sum(map(len, copied)) < 0.9 * sum(len(item.text) for item in items)


def bare(node: ast.stmt) -> ast.stmt:
    """Return a statement without its docstring."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
        node = ast.parse(ast.unparse(node)).body[0]
        del node.body[0]
    return node
