/*
 * Several losses in one window. lwIP leaves fast recovery at the first new ACK (RFC 5681), so that of several lost
 * segments the first comes again at once and the others by timeouts of 150 ms and more. NewReno (RFC 6582, 3.2) stays
 * in recovery until all that was sent before it is acknowledged, and takes an ACK of less (a partial one) as the news
 * that the next segment is missing:
 *
 *   normal -- three duplicate ACKs (lwIP retransmits the first) --> recovering, up to what was sent by then
 *   recovering -- partial ACK --> recovering, the next one retransmitted at once
 *   recovering -- all of it acknowledged, or a timeout --> normal
 *
 * TF_INFR, which lwIP clears at each new ACK, is set again meanwhile: it keeps the window from being halved twice.
 */
#include "recovery.h"
#include "lwip/priv/tcp_priv.h"

#define RECOVERING(pcb) ((pcb)->ext_args[6].data)
#define RECOVER(pcb) ((pcb)->ext_args[7].data)
#define LAST_ACK(pcb) ((pcb)->ext_args[8].data)
#define NUMBER(slot) ((u32_t)(uintptr_t)(slot))
#define SLOT(number) ((void *)(uintptr_t)(number))

static void begin(struct tcp_pcb *pcb) {
  RECOVERING(pcb) = SLOT(1);
  RECOVER(pcb) = SLOT(pcb->snd_nxt);
  LAST_ACK(pcb) = SLOT(pcb->lastack);
}

int recovery_retransmits(struct tcp_pcb *pcb) {
  if (RECOVERING(pcb) == NULL) {
    if (pcb->flags & TF_INFR) begin(pcb);
    return 0;
  }
  if ((pcb->flags & TF_RTO) || TCP_SEQ_GEQ(pcb->lastack, NUMBER(RECOVER(pcb)))) {
    RECOVERING(pcb) = NULL;
    return 0;
  }
  if (pcb->lastack == NUMBER(LAST_ACK(pcb))) return 0;
  LAST_ACK(pcb) = SLOT(pcb->lastack);
  if (pcb->unacked == NULL || tcp_rexmit(pcb) != ERR_OK) return 0;
  tcp_set_flags(pcb, TF_INFR);
  return 1;
}
