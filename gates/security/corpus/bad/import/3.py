from math import *

VALUE = 1
