/*
 * The header after all of Windows' own, whose macros (`interface`, `small`, `near`) must meet none of its names. Compiled, as
 * C and as C++, and never run.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
/* The order matters: Winsock's comes before. */
#include <windows.h>
/* Where `interface` is a macro. */
#include <objbase.h>

#include <anysock.h>

/* A name that one of those replaces is another name here than in the header as programs without Windows see it. */
int64_t names_of_fields(const struct anysock_control *control, const struct anysock_address *address,
                        const struct anysock_event *event);

int64_t names_of_fields(const struct anysock_control *control, const struct anysock_address *address,
                        const struct anysock_event *event)
{
    return control->interface_index + control->local_address.port + address->scope + event->events;
}
