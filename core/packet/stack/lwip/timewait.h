/* Connections in TIME-WAIT: see timewait.c. */
#ifndef NTMOBILE_TIMEWAIT_H
#define NTMOBILE_TIMEWAIT_H

#include <stdint.h>
#include "lwip/pbuf.h"
#include "lwip/tcp.h"

/* Takes over a connection in that state, whose pcb is freed. */
void timewait_take(struct tcp_pcb *pcb);
/* Before lwIP sees a packet: 1 if it belongs to a connection in TIME-WAIT, and needs no more. */
int timewait_input(const struct pbuf *packet);
/* A new connection uses these ports. */
void timewait_forget(const ip_addr_t *remote, uint16_t local_port, uint16_t remote_port);
void timewait_forget_all(void);
/* Milliseconds until timewait_run has something to free, or UINT32_MAX. */
uint32_t timewait_sleep_ms(void);
void timewait_run(void);

#endif
