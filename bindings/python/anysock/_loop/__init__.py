"""An asyncio event loop on the library's batch queue: what `anysock.loop` is made of.

    base         the loop: asyncio's own, with these in place of what it does by a selector
      core       `call_soon` and a turn, in C where the compiled helper is
      servers    listeners
      streams    transports of connections, on `transport`: what every transport has
        stream   the quick half of these, or the helper's, which is the same in C
      datagrams  transports of datagrams, on the same
      links      a socket in the hands of the queue
      polls      waits for descriptors (`add_reader`, pipes, `sock_recv`)
    batch        the queue: collects what is wanted, hands it over, brings back what happened
"""
