/* lwIP's hooks (LWIP_HOOK_FILENAME in lwipopts.h), implemented in tcp.c. */
#ifndef NTMOBILE_HOOKS_H
#define NTMOBILE_HOOKS_H

#include "lwip/arch.h"
#include "lwip/err.h"

struct tcp_pcb;
struct tcp_hdr;
struct pbuf;

/*
 * Initial sequence numbers by a clock of 64 ns, as Linux's, so that a connection between the same ports starts beyond
 * the one before (RFC 9293 section 3.4.1). A secret of each peer's ports (RFC 6528) would be against strangers who
 * inject segments; here those do not get into the tunnel.
 */
uint32_t flow_first_sequence(void);
#define LWIP_HOOK_TCP_ISN(localIp, localPort, remoteIp, remotePort) flow_first_sequence()

/* Called with the pcb that a segment is for, before it is processed. lwIP drops it unless this is ERR_OK. */
err_t tcp_hook_segment(struct tcp_pcb *pcb, const struct tcp_hdr *header, u16_t options_length, const struct pbuf *segment);
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, header, optionLength, firstLength, secondOptions, segment) \
  tcp_hook_segment(pcb, header, firstLength, segment)

#endif
