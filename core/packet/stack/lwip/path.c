/*
 * The path of connections becomes another one: this host moved, or the peer's did, or there is a better way. A
 * retransmission timer that has backed off meanwhile is not waited for, on either side (the peer's stack is told by
 * its own tunnel).
 *
 *   what is in flight    sent again at once, as one initial window lets out and the ACKs then; unless the old path
 *                        still delivers: then it is only waited for, so long as it may take
 *   ACKs and windows     may have been lost as well, and nobody repeats them: each connection tells again what it has
 *   a closed window      is probed at once
 *   timers               without backoff (RFC 6069 section 4), and from what was measured of the new path, if anything
 *   congestion           nothing is known: initial window, slow start (RFC 9000 section 9.4; RFC 5681 section 3.1);
 *                        what arrives by the old path, late, counts for neither the window nor the round trip
 */
#include "flow.h"
#include "lwip/ip.h"

void address_read(ip_addr_t *address, uint32_t family, uint32_t offset);

/*
 * As timeouts_sample would begin (RFC 6298 section 2.2). Where nothing is known the timeout is a second; a tail loss
 * probe goes sooner, which costs one segment when it is wrong, and finds out when the first packets were lost.
 */
static void measure_anew(struct flow *flow, uint32_t rtt_us) {
  if (flow->srtt_us > 0) flow->guess_us = LWIP_MAX(2 * flow->srtt_us, LEAST_GUESS_US);
  flow->srtt_us = rtt_us;
  flow->variance_us = rtt_us / 2;
  flow->least_us = flow->sample_us = 0;
  flow->newest_known = flow->reordering = 0;
  flow->undone = flow->misled = 0;
}

/*
 * What was sent before is given as long as the old path may have taken, before RACK may take it for lost because
 * something that was sent later, by a shorter path, has overtaken it.
 */
static void wait_for_old_path(struct flow *flow, uint32_t now_us) {
  flow->overlap_until_us = now_us + LWIP_MIN(timeouts_rto_us(flow), OVERLAP_MOST_US);
  flow->overlaps = 1;
}

int flow_by_path_before(const struct flow *flow, const struct sent *sent) {
  return flow->mixed && (int32_t)(sent->order - flow->path_order) <= 0;
}

void flow_path_changed(struct flow *flow, int delivers, uint32_t rtt_us) {
  uint32_t now_us = flow_now_us();
  scoreboard_track(flow, now_us);
  flow->mixed = flow->count > 0;
  flow->path_order = flow->transmissions;
  flow->path_end = flow->pcb->snd_nxt;
  if (delivers) wait_for_old_path(flow, now_us);
  else scoreboard_lose_all(flow);
  if (!delivers) flow->overlaps = 0;
  measure_anew(flow, rtt_us > 0 || !delivers ? rtt_us : flow->srtt_us);
  flow->probing = flow->backoff = 0;
  flow->reordering_us = 0;
  flow->phase = OPEN;
  flow->since_us = now_us;
  congestion_start(flow);
  transmit(flow);
}

/* The peer's persist timer, keep-alive or window may wait for what was lost. */
static void tell_again(struct tcp_pcb *pcb) {
  if (pcb->persist_backoff > 0) {
    pcb->persist_backoff = 1;
    pcb->persist_cnt = pcb->persist_probe = 0;
    tcp_zero_window_probe(pcb);
  } else if (pcb->keep_cnt_sent > 0) {
    pcb->keep_cnt_sent = 0;
    tcp_keepalive(pcb);
  } else {
    tcp_send_empty_ack(pcb);
  }
}

static void handshake_again(struct tcp_pcb *pcb) {
  if (tcp_rexmit_rto_prepare(pcb) != ERR_OK) return;
  pcb->nrtx = 0;
  pcb->rtime = 0;
  tcp_rexmit_rto_commit(pcb);
}

/* Remote address at offset 0. `delivers`: what is under way by the old path arrives. `rtt_us`: 0 when not known. */
EXPORT(tcp_path_changed) void tcp_path_changed(uint32_t family, uint32_t delivers, uint32_t rtt_us) {
  ip_addr_t remote;
  address_read(&remote, family, 0);
  for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
    if (!ip_addr_eq(&pcb->remote_ip, &remote)) continue;
    struct flow *flow = flow_of(pcb);
    if (flow == NULL || flow->peer_mss == 0) {
      if (!delivers) handshake_again(pcb);
      continue;
    }
    uint32_t before = flow->transmissions;
    flow_path_changed(flow, (int)delivers, rtt_us);
    if (!delivers && flow->transmissions == before) tell_again(pcb);
  }
}

/* lwIP's slow ticks: two seconds. */
#define LATELY (2000 / TCP_SLOW_INTERVAL)
/* Of each connection: the packets that may take another path, too, are few. */
#define DOUBTED_SEGMENTS 4u

/* Nothing is taken for lost yet: the window stays what it is, and RACK repairs the rest. */
static void send_first_again(struct flow *flow) {
  uint32_t now_us = flow_now_us();
  scoreboard_track(flow, now_us);
  for (uint32_t i = 0, left = DOUBTED_SEGMENTS; i < flow->count && left > 0; i++) {
    if (scoreboard_at(flow, i)->flags & SACKED) continue;
    transmit_again(flow, i);
    left--;
  }
  flow->since_us = now_us;
  timeouts_set(flow, now_us);
}

/*
 * The path may be dead, and what leaves from now on takes another one, too, which carries packets of `mtu` bytes: the
 * first of what is in flight, for which the peer's program waits, is sent again; or, where nothing is, an ACK, for the
 * peer to see that the other path works.
 */
EXPORT(tcp_path_doubted) void tcp_path_doubted(uint32_t family, uint32_t mtu) {
  ip_addr_t remote;
  address_read(&remote, family, 0);
  for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
    struct flow *flow = flow_of(pcb);
    if (flow == NULL || !ip_addr_eq(&pcb->remote_ip, &remote)) continue;
    transmit_path_mtu(flow, mtu);
    if (flow->peer_mss == 0) continue;
    if (flow->count > 0) send_first_again(flow);
    else if (tcp_ticks - pcb->tmr <= LATELY) tcp_send_empty_ack(pcb);
  }
}
