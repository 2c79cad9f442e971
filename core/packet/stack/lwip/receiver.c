/*
 * The receiving side: how much the peer may send, and when it is told what has come.
 *
 * The window starts small and grows with a program that reads fast, so that thousands of slow readers cannot fill the
 * memory and a fast one on a long path is not held up (as Linux's tcp_rcv_space_adjust).
 *
 * ACKs are sent for a batch of packets, not for every other one: a receiver that reads 30 datagrams in one turn of
 * the event loop answers once, as a kernel does that merges them on arrival (GRO). What is out of order, or ends a
 * gap, is answered at once.
 */
#include "flow.h"

#define FIRST_WINDOW (256u * 1024)
/* The most segments that one ACK answers: a sender that waits for it should not run dry. */
#define SEGMENTS_PER_ACK 32

static struct flow *held;

void receiver_established(struct flow *flow) {
  struct tcp_pcb *pcb = flow->pcb;
  flow->window = TCP_WND_MAX(pcb);
  if (flow->window <= FIRST_WINDOW) return;
  flow->window = FIRST_WINDOW;
  pcb->rcv_wnd = pcb->rcv_ann_wnd = FIRST_WINDOW;
  pcb->rcv_ann_right_edge = pcb->rcv_nxt + FIRST_WINDOW; /* the SYN told of 64 KiB, unscaled */
}

/* lwIP opens its window by what was consumed; growth is what it is given on top. */
void receiver_consumed(struct flow *flow, uint32_t length) {
  struct tcp_pcb *pcb = flow->pcb;
  uint32_t grant = length;
  uint32_t most = TCP_WND_MAX(pcb);
  if (flow->window < most) {
    uint32_t unread = flow->window > pcb->rcv_wnd + length ? flow->window - pcb->rcv_wnd - length : 0;
    flow->consumed += length;
    /* Only a reader that has caught up with its peer is held up by the window. */
    if (unread <= flow->window / 8 && flow->consumed >= flow->window / 2) {
      uint32_t growth = LWIP_MIN(flow->window, most - flow->window);
      flow->consumed = 0;
      flow->window += growth;
      grant += growth;
    }
  }
  while (grant > 0) {
    u16_t step = (u16_t)LWIP_MIN(grant, 0xffffu);
    tcp_recved(pcb, step);
    grant -= step;
  }
}

void receiver_hold_ack(struct flow *flow) {
  struct tcp_pcb *pcb = flow->pcb;
  /* RFC 5681 section 4.2: at once when it fills a gap, all of it or not. */
  if (flow->gap) tcp_ack_now(pcb);
  if (flow->gap || !(pcb->flags & TF_ACK_NOW)) return;
  if (flow->held_acks == 0) {
    flow->next_held = held;
    held = flow;
  }
  if (++flow->held_acks >= SEGMENTS_PER_ACK) {
    receiver_forget(flow);
    return;
  }
  tcp_clear_flags(pcb, TF_ACK_NOW);
  tcp_set_flags(pcb, TF_ACK_DELAY);
}

void receiver_release_ack(struct flow *flow) {
  if (flow->held_acks == 0) return;
  receiver_forget(flow);
  tcp_ack_now(flow->pcb);
}

void receiver_forget(struct flow *flow) {
  if (flow->held_acks == 0) return;
  struct flow **link = &held;
  while (*link != flow) link = &(*link)->next_held;
  *link = flow->next_held;
  flow->held_acks = 0;
}

/* At the end of a batch. What was sent meanwhile carried the ACK along. */
EXPORT(tcp_flush_acks) void tcp_flush_acks(void) {
  while (held != NULL) {
    struct flow *flow = held;
    receiver_forget(flow);
    if (flow->pcb->flags & TF_ACK_DELAY) tcp_send_empty_ack(flow->pcb);
  }
}
