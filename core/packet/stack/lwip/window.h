#ifndef NTMOBILE_WINDOW_H
#define NTMOBILE_WINDOW_H

struct tcp_pcb;

/* When an ACK was processed, before what it allows is sent. */
void window_acknowledged(struct tcp_pcb *pcb);
/* After something may have been sent. */
void window_sent(struct tcp_pcb *pcb);

#endif
