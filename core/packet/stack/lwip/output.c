/*
 * tcp_output appends what it sends to pcb->unacked, and walks that list to find its end: with 12.5 MB in flight that
 * is 9,000 segments per ACK, which would cost a hundred times more than everything else. So the end is marked here,
 * and tcp_output is shown a list that begins at the mark:
 *
 *   unacked -> s1 -> s2 -> ... -> mark -> (what was sent since) -> (what is sent now)
 *
 * The mark is a segment of the list as long as it is not acknowledged and nothing is being retransmitted:
 *  - ACKs free segments from the head, so a segment whose end is beyond lastack has not been freed;
 *  - a timeout moves all of unacked to unsent and sets TF_RTO until all that was acknowledged (rto_end);
 *  - a fast retransmission moves the first to unsent and sets TF_INFR until it was acknowledged.
 * In the latter two cases segments from before the mark are sent again, so tcp_output needs the whole list anyway.
 */
#include "output.h"
#include "window.h"
#include "lwip/priv/tcp_priv.h"

#define MARK(pcb) ((pcb)->ext_args[0].data)
#define MARK_END(pcb) ((pcb)->ext_args[1].data)

static u32_t end_of(const struct tcp_seg *segment) {
  return lwip_ntohl(segment->tcphdr->seqno) + TCP_TCPLEN(segment);
}

static struct tcp_seg *last_of(struct tcp_seg *segment) {
  while (segment->next != NULL) segment = segment->next;
  return segment;
}

static struct tcp_seg *valid_mark(const struct tcp_pcb *pcb) {
  u32_t end = (u32_t)(uintptr_t)MARK_END(pcb);
  if (MARK(pcb) == NULL || pcb->unacked == NULL || pcb->unsent == NULL) return NULL;
  if ((pcb->flags & (TF_RTO | TF_INFR)) || TCP_SEQ_LEQ(end, pcb->lastack)) return NULL;
  return TCP_SEQ_LT(lwip_ntohl(pcb->unsent->tcphdr->seqno), end) ? NULL : MARK(pcb);
}

void output_queued(struct tcp_pcb *pcb) {
  struct tcp_seg *head = pcb->unacked;
  struct tcp_seg *mark = valid_mark(pcb);
  if (mark != NULL) pcb->unacked = last_of(mark);
  tcp_output(pcb);
  struct tcp_seg *last = NULL;
  if (pcb->unacked != NULL && !(pcb->flags & (TF_RTO | TF_INFR))) last = last_of(pcb->unacked);
  if (mark != NULL) pcb->unacked = head;
  MARK(pcb) = last;
  MARK_END(pcb) = (void *)(uintptr_t)(last != NULL ? end_of(last) : 0);
  window_sent(pcb);
}
