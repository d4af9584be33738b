/*
 * What a call may answer instead of the error that the kernel gave, and why: the rows of a table in system_calls.c. The first
 * column is how the situation's name begins. There is none for success: a call that can do without what was refused is right.
 */

    /* The library's own words for it. */
    {NULL, "setsockopt", ENOPROTOOPT, ANYSOCK_EOPNOTSUPP, "an option that the system lacks is EOPNOTSUPP"},
    {NULL, "getsockopt", ENOPROTOOPT, ANYSOCK_EOPNOTSUPP, "an option that the system lacks is EOPNOTSUPP"},
    {NULL, NULL, EDESTADDRREQ, ANYSOCK_ENOTCONN, "no peer is ENOTCONN on every system"},
    {NULL, "epoll_ctl", EPERM, ANYSOCK_ENOTSOCK, "what can't be polled is ENOTSOCK"},
    {NULL, "epoll_ctl", ENOSPC, ANYSOCK_ENOMEM, "epoll_ctl(2): the user has as many watches as he may"},

    /* Nothing was there yet, so that the call waits for as long as its timeout says. */
    {NULL, NULL, EAGAIN, ANYSOCK_ETIMEDOUT, "a call that would wait waits"},
    {"connect_in_steps", "connect", EAGAIN, ANYSOCK_EALREADY, "the attempt goes on"},
    {NULL, "connect", EAGAIN, ANYSOCK_EADDRNOTAVAIL, "connect(2): no port is free"},
    {NULL, "accept4", ECONNABORTED, ANYSOCK_ETIMEDOUT, "accept(2): a connection that has died is passed over"},
    {NULL, "accept4", EPROTO, ANYSOCK_ETIMEDOUT, "accept(2): a connection that has died is passed over"},
    {NULL, "accept4", ENETDOWN, ANYSOCK_ETIMEDOUT, "accept(2): a connection that has died is passed over"},
    {NULL, "accept4", EHOSTUNREACH, ANYSOCK_ETIMEDOUT, "accept(2): a connection that has died is passed over"},
    {"pair_tcp", "accept4", 0, ANYSOCK_ETIMEDOUT, "the same, of the two ends that meet"},

    /* Whether there is a peer is all that is asked. */
    {NULL, "getpeername", 0, ANYSOCK_ENOTCONN, "no answer is no peer"},
    {NULL, "getpeername", 0, ANYSOCK_ECONNABORTED, "a connect that has ended, neither with a peer nor with an error"},
    {"pair_tcp", "getpeername", 0, ANYSOCK_ETIMEDOUT, "an end without a peer is a stranger"},

    /* What the C library makes of it. */
#define RESOLVER(situation) \
    {situation, NULL, 0, ANYSOCK_EAI_NONAME, "getaddrinfo(3) finds no list of names"}, \
    {situation, NULL, 0, ANYSOCK_EAI_SERVICE, "getaddrinfo(3) finds no list of services"}, \
    {situation, NULL, 0, ANYSOCK_EAI_AGAIN, "getaddrinfo(3) reaches no server"}
    RESOLVER("resolve_"),
    RESOLVER("queue_resolve"),
    RESOLVER("bind_name"),
    RESOLVER("send_to_name"),
    RESOLVER("connect_service"),
    RESOLVER("connect_now, a_client_by_name"),
    RESOLVER("connect_in_steps, an_impatient_client_by_name"),
    RESOLVER("queue_connect, a_queue_and_a_client_by_name"),
    {"open_by_protocols_name", NULL, 0, ANYSOCK_EINVAL, "getprotobyname(3) finds no list of protocols"},
    {"join_group", NULL, 0, ANYSOCK_ENODEV, "if_nametoindex(3) finds no interface"},
    {"set_multicast_interface", NULL, 0, ANYSOCK_ENODEV, "if_nametoindex(3) finds no interface"},
    {"set_device", NULL, 0, ANYSOCK_ENODEV, "if_nametoindex(3) finds no interface"},
    {"parse_address", NULL, 0, ANYSOCK_EINVAL, "if_nametoindex(3) finds no interface"},
#undef RESOLVER
