/*
 * Everything that the wasm module needs of the outside: time, randomness, the way out for packets, and events.
 * One declaration per function in the `Imports` types of clock.ts, netif.ts and tcp.ts.
 *
 * Events are only queued by their receiver (tcp.ts): nothing above lwIP runs while lwIP is on the stack, so no
 * callback ever frees what lwIP still holds (lwIP's rule: "return ERR_ABRT if you called tcp_abort").
 */
#ifndef NTMOBILE_IMPORTS_H
#define NTMOBILE_IMPORTS_H

#include <stdint.h>

#define IMPORT(name) __attribute__((import_module("port"), import_name(#name))) extern
#define EXPORT(name) __attribute__((export_name(#name)))

/* clock.ts */
IMPORT(now) uint32_t port_now(void);
/* Milliseconds with fractions. */
IMPORT(time) double port_time(void);
IMPORT(random) uint32_t port_random(void);
IMPORT(assert) void port_assert(const char *message) __attribute__((noreturn));

/* netif.ts: an IP packet to send, contiguous; only valid during the call. */
IMPORT(output) void port_output(const void *packet, uint32_t length);

/* tcp.ts: `connection` and `listener` are the ids that it chose. */
IMPORT(accepted) uint32_t port_accepted(uint32_t listener, void *pcb);
IMPORT(connected) void port_connected(uint32_t connection);
/* Whether the peer whose address is in the scratch area, at 0, may reach this port; 0 when not. */
IMPORT(admits) uint32_t port_admits(uint32_t family, uint32_t local_port);
/* `chain` is the receiver's, to be given back with pbuf_release; NULL is the peer's FIN. */
IMPORT(received) void port_received(uint32_t connection, void *chain);
IMPORT(acknowledged) void port_acknowledged(uint32_t connection);
/* A second retransmission timeout in a row, or a later one: the path may not carry packets of this size any more. */
IMPORT(stalled) void port_stalled(uint32_t connection);
/* The pcb is gone, or in TIME-WAIT and no longer the connection's. `error` is an err_t, ERR_OK for an orderly end. */
IMPORT(finished) void port_finished(uint32_t connection, int32_t error);

/*
 * udp-sockets.ts: the addresses are in the scratch area. 0 when the sender may not reach this socket; otherwise `chain`
 * is the receiver's, as for `received`.
 */
IMPORT(datagram) uint32_t port_datagram(uint32_t socket, void *chain, uint32_t family, uint32_t port);

#endif
