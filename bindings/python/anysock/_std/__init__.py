"""Stand-ins for the standard modules `socket`, `select` and `selectors`: what they need beside the package's own classes.

    half_in_c    `_socket`, the half of the socket module that CPython writes in C
      base         its class, made of `messages` (addresses, control data), `owned` (life, timeouts, options) and
                   `quick` (what programs do all the time, by the compiled helper if there is one)
      addresses, arguments, memory, failures   from Python's values to the library's and back
    standard     the half in Python, the interpreter's own, run on top of it
    watch        select as programs put it, for `select` and `poll`; `others`: over what is not the library's
      waitable     which handle a thing stands for; `numbers`: which handle owns a descriptor
    patch        puts `anysock.socket`, `select` and `selectors` in the place of the standard modules

The package's own classes lie one folder up and know nothing of these. No module imports one that imports it.
"""
