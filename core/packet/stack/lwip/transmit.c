/*
 * What leaves, by tcp_output, which knows nothing of flows: it is shown an unsent queue with just what shall leave,
 * and an unacked queue with just its last segment, since it walks that to find its end (with 16 MB in flight 12,000
 * segments at every ACK).
 *
 *   new data         unacked -> [last], limited by pcb->cwnd = what is out + room in the congestion window
 *   retransmission   unacked -> nothing, unsent -> [segment]; then both as before, the segment in its place
 */
#include "flow.h"

err_t __real_tcp_split_unsent_seg(struct tcp_pcb *pcb, u16_t split);

/*
 * In place of lwIP's (the linker's --wrap), which leaves FIN and PSH on the first part, too: a FIN in front of data
 * would end the stream before them.
 */
err_t __wrap_tcp_split_unsent_seg(struct tcp_pcb *pcb, u16_t split) {
  struct tcp_seg *segment = pcb->unsent;
  if (segment == NULL || segment->len <= split) return ERR_OK;
  err_t error = __real_tcp_split_unsent_seg(pcb, split);
  if (error != ERR_OK) return error;
  TCPH_UNSET_FLAG(segment->tcphdr, TCP_FIN | TCP_PSH);
  struct flow *flow = flow_of(pcb);
  if (flow != NULL && flow->last_unsent == segment) flow->last_unsent = segment->next;
  return ERR_OK;
}

/* tcp_output counts from the last ACK, a congestion window what is in flight (SACKed and lost segments are not). */
static void limit(struct flow *flow, uint32_t room) {
  struct tcp_pcb *pcb = flow->pcb;
  pcb->cwnd = pcb->snd_nxt - pcb->lastack + room;
}

/*
 * Nagle's algorithm (RFC 9293 section 3.7.4) as Minshall changed it and Linux has it (draft-minshall-nagle-01): what
 * does not fill a segment waits only for the ACK of another such one. lwIP's waits for any, so that the end of each
 * message would leave a round trip and a delayed ACK after its beginning.
 */
static void output_unless_small(struct flow *flow) {
  struct tcp_pcb *pcb = flow->pcb;
  tcpflags_t before = pcb->flags & TF_NODELAY;
  if (TCP_SEQ_LEQ(flow->small_end, pcb->lastack)) tcp_set_flags(pcb, TF_NODELAY);
  tcp_output(pcb);
  if (!before) tcp_clear_flags(pcb, TF_NODELAY);
}

static void output(struct flow *flow, uint32_t now_us) {
  struct tcp_pcb *pcb = flow->pcb;
  struct tcp_seg *first = pcb->unacked;
  /* Out of memory for the scoreboard: tcp_output walks. */
  if (flow->count > 0) pcb->unacked = scoreboard_at(flow, flow->count - 1)->segment;
  output_unless_small(flow);
  if (first != NULL) pcb->unacked = first;
  pcb->rtime = -1;
  scoreboard_track(flow, now_us);
}

/* Segments cut before the path's MTU became smaller. False when out of memory. */
static int cut(struct flow *flow, uint32_t index) {
  struct tcp_pcb *pcb = flow->pcb;
  struct tcp_seg *segment = scoreboard_at(flow, index)->segment;
  if (segment->len <= pcb->mss) return 1;
  if (!scoreboard_has_room(flow)) return 0;
  struct tcp_seg *unsent = pcb->unsent;
  u16_t oversize = pcb->unsent_oversize;
  pcb->unsent = segment;
  err_t error = tcp_split_unsent_seg(pcb, pcb->mss);
  pcb->unsent = unsent;
  pcb->unsent_oversize = oversize;
  if (error != ERR_OK) return 0;
  scoreboard_split(flow, index, segment->next, pcb->mss);
  return 1;
}

void transmit_again(struct flow *flow, uint32_t index) {
  struct tcp_pcb *pcb = flow->pcb;
  if (!cut(flow, index)) return;
  struct sent *sent = scoreboard_at(flow, index);
  struct tcp_seg *segment = sent->segment;
  struct tcp_seg *next = segment->next, *unsent = pcb->unsent, *unacked = pcb->unacked;
  tcpwnd_size_t cwnd = pcb->cwnd, snd_wnd = pcb->snd_wnd;
  u16_t oversize = pcb->unsent_oversize;
  u8_t persist = pcb->persist_backoff;
  segment->next = NULL;
  pcb->unsent = segment;
  pcb->unacked = NULL;
  /* It was within the peer's window when it was first sent (RFC 9293 section 3.8.6: windows that shrink). */
  pcb->cwnd = pcb->snd_wnd = 0x7fffffff;
  tcp_output(pcb);
  int left = pcb->unacked == segment;
  segment->next = next;
  pcb->unsent = unsent;
  pcb->unacked = unacked;
  pcb->cwnd = cwnd;
  pcb->snd_wnd = snd_wnd;
  pcb->unsent_oversize = oversize;
  pcb->persist_backoff = persist;
  pcb->rtime = -1;
  if (!left) return;
  flow_counters.retransmitted++;
  scoreboard_resent(flow, sent, flow_now_us());
}

static void send_lost(struct flow *flow) {
  for (; flow->lost > 0 && flow->first_lost < flow->count; flow->first_lost++) {
    struct sent *sent = scoreboard_at(flow, flow->first_lost);
    if (!(sent->flags & LOST)) continue;
    uint32_t length = LWIP_MIN(sent->length, flow_mss(flow));
    if (flow->in_flight > 0 && flow->in_flight + length > flow->congestion.window) return;
    transmit_again(flow, flow->first_lost);
    if (scoreboard_at(flow, flow->first_lost)->flags & LOST) return; /* it could not leave: out of memory */
  }
}

void transmit(struct flow *flow) {
  struct tcp_pcb *pcb = flow->pcb;
  uint32_t now_us = flow_now_us();
  if (flow->count == 0 && pcb->unsent != NULL && flow->sent_us != 0) congestion_idle(flow, now_us - flow->sent_us);
  send_lost(flow);
  uint32_t window = flow->congestion.window;
  /* With nothing in flight one segment may always leave: it may be larger than a window of smaller ones. */
  if (flow->in_flight == 0) window = LWIP_MAX(window, flow_mss(flow));
  uint32_t room = flow->lost == 0 && window > flow->in_flight ? window - flow->in_flight : 0;
  limit(flow, room);
  output(flow, now_us);
  flow->limited = flow->lost > 0 || flow->in_flight + flow_mss(flow) > window;
  /* What tcp_output may do at other times, for lwIP's own reasons, is limited too. */
  limit(flow, window > flow->in_flight && flow->lost == 0 ? window - flow->in_flight : 0);
  timeouts_set(flow, now_us);
}

int transmit_one_more(struct flow *flow) {
  struct tcp_pcb *pcb = flow->pcb;
  if (pcb->unsent == NULL) return 0;
  struct tcp_seg *rest = pcb->unsent->next;
  pcb->unsent->next = NULL;
  struct tcp_seg *segment = pcb->unsent;
  tcpwnd_size_t cwnd = pcb->cwnd;
  limit(flow, flow_mss(flow));
  output(flow, flow_now_us());
  pcb->cwnd = cwnd;
  int left = pcb->unsent == NULL;
  if (left) pcb->unsent = rest;
  else segment->next = rest;
  return left;
}

/* `mtu`: of the largest IP packet. What is unsent is cut anew when it must be; what is sent, when it is sent again. */
void transmit_path_mtu(struct flow *flow, uint32_t mtu) {
  struct tcp_pcb *pcb = flow->pcb;
  flow->path_mtu = (uint16_t)LWIP_MIN(mtu, 0xffff);
  if (flow->peer_mss == 0) return;
  uint32_t headers = TCP_HLEN + (IP_IS_V6_VAL(pcb->remote_ip) ? IP6_HLEN : IP_HLEN);
  uint32_t mss = mtu > headers + 64 ? mtu - headers : 64;
  pcb->mss = (u16_t)LWIP_MIN(mss, flow->peer_mss);
  struct tcp_seg *first = pcb->unsent;
  for (struct tcp_seg *segment = first; segment != NULL; segment = segment->next) {
    if (segment->len <= pcb->mss) continue;
    pcb->unsent = segment;
    if (tcp_split_unsent_seg(pcb, pcb->mss) != ERR_OK) break;
  }
  pcb->unsent = first;
  /* The last may have been made to grow beyond what fits now. */
  pcb->unsent_oversize = 0;
}
