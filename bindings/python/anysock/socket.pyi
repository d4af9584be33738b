# To a type checker it is the standard module: same names, same types.
from socket import *
from socket import SocketIO as SocketIO
