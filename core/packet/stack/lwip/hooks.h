/* lwIP's hooks (LWIP_HOOK_FILENAME in lwipopts.h), implemented in tcp.c. */
#ifndef NTMOBILE_HOOKS_H
#define NTMOBILE_HOOKS_H

#include "lwip/arch.h"
#include "lwip/err.h"

struct tcp_pcb;
struct tcp_hdr;
struct pbuf;

/* RFC 6528: an initial sequence number that no one off the path can guess. */
#define LWIP_HOOK_TCP_ISN(localIp, localPort, remoteIp, remotePort) port_random()

/* Called with the pcb that a segment is for, before it is processed. */
err_t tcp_hook_segment(struct tcp_pcb *pcb, const struct tcp_hdr *header, u16_t options_length);
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, header, optionLength, firstLength, secondOptions, segment) \
  tcp_hook_segment(pcb, header, firstLength)

#endif
