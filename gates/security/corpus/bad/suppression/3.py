from typing import TYPE_CHECKING

VALUE = 1
