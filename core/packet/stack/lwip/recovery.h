#ifndef NTMOBILE_RECOVERY_H
#define NTMOBILE_RECOVERY_H

struct tcp_pcb;

/* After every packet for a connection. True when it put a segment at the head of what is to be sent. */
int recovery_retransmits(struct tcp_pcb *pcb);

#endif
