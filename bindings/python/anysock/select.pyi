# To a type checker it is the standard module: same names, same types.
from select import *
