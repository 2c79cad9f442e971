/*
 * Loss recovery by time (RACK, RFC 8985 section 6): a segment is lost when one that was sent later has arrived, and a
 * while has passed in which it could have arrived too. How the window comes down meanwhile is PRR's (RFC 6937), and
 * a recovery that proves needless is undone.
 *
 *   OPEN       -- a segment is lost -----------------------> RECOVERING (window reduced, if it is congestion)
 *   OPEN       -- retransmission timeout ------------------> COLLAPSED (window of one segment)
 *   either     -- all sent before is acknowledged ---------> OPEN
 *   either     -- every retransmission was needless -------> OPEN, with the window from before
 *
 * A retransmission was needless when the peer says so (D-SACK), or when its ACK comes sooner than any round trip took on
 * this path (not lately: a queue may have been there): then the original had only been overtaken. That is reordering,
 * and RACK's while grows by a quarter of a round trip.
 *
 * Round trips that were measured while an end was busy are longer than those of retransmissions afterwards, and what
 * is sent twice is never measured. So when a timeout follows what was undone, the round trips are not believed until
 * there is another: else each timeout would be undone, and repair one segment.
 */
#include "flow.h"

#define DUPLICATE_THRESHOLD 3u
#define REORDERING_STEPS_LIMIT 64
/* RFC 8985 section 6.2.4: so many recoveries without a needless retransmission, and the while is short again. */
#define REORDERING_ROUNDS 16
#define LEAST_LIFETIME_US 10000000u

static int sent_before_newest(const struct flow *flow, const struct sent *sent) {
  return (int32_t)(flow->newest_order - sent->order) > 0;
}

static void needless(struct flow *flow) {
  flow->spurious++;
  flow_counters.needless++;
  flow->reordering = 1;
  flow->reordering_rounds = REORDERING_ROUNDS;
}

static void measured(struct flow *flow, uint32_t rtt_us, uint32_t now_us) {
  flow->undone = flow->misled = 0;
  if (flow->least_us == 0 || rtt_us <= flow->least_us || now_us - flow->least_at_us > LEAST_LIFETIME_US) {
    flow->least_us = LWIP_MAX(rtt_us, 1);
    flow->least_at_us = now_us;
  }
  timeouts_sample(flow, rtt_us);
  congestion_sample(flow, rtt_us);
}

static void note_newest(struct flow *flow, const struct sent *sent, uint32_t rtt_us) {
  if (flow->newest_known && sent_before_newest(flow, sent)) return;
  flow->newest_known = 1;
  flow->newest_order = sent->order;
  flow->newest_rtt_us = rtt_us;
}

/* `sent` has arrived; `highest` is behind the highest that had before this ACK. */
void recovery_delivered(struct flow *flow, const struct sent *sent, uint32_t highest, uint32_t now_us) {
  uint32_t rtt_us = now_us - sent->at_us;
  if (flow_by_path_before(flow, sent)) {
    if (flow->overlaps) note_newest(flow, sent, rtt_us);
    return;
  }
  flow->credit += sent->length;
  if (sent->flags & RESENT) {
    if (rtt_us < flow->congestion.base_us && !flow->misled) {
      if (!flow->tells_duplicates) needless(flow);
      return;
    }
  } else {
    flow->sample_us = LWIP_MAX(rtt_us, 1); /* Karn: never of what was sent twice */
    if (TCP_SEQ_LT(sent->end, highest)) flow->reordering = 1;
  }
  note_newest(flow, sent, rtt_us);
}

/* RFC 8985 section 6.2.4. */
static uint32_t reordering_window_us(const struct flow *flow) {
  if (!flow->reordering && (flow->phase != OPEN || flow->sacked_count >= DUPLICATE_THRESHOLD)) return 0;
  return LWIP_MIN(flow->least_us / 4 * flow->reordering_steps, LWIP_MAX(flow->srtt_us, 1));
}

/* RFC 8985 section 6.2.5. Entries are in the order of their first sending, so the walk ends at the first newer one. */
static void detect(struct flow *flow, uint32_t now_us) {
  uint32_t window_us = reordering_window_us(flow);
  flow->reordering_us = 0;
  if (flow->overlaps && (int32_t)(now_us - flow->overlap_until_us) >= 0) flow->overlaps = 0;
  if (!flow->newest_known) return;
  for (uint32_t i = 0; i < flow->count; i++) {
    const struct sent *sent = scoreboard_at(flow, i);
    if (sent->flags & (SACKED | LOST)) continue;
    if (!sent_before_newest(flow, sent)) {
      if (sent->flags & RESENT) continue;
      break;
    }
    int32_t left_us = (int32_t)(sent->at_us + flow->newest_rtt_us + window_us - now_us);
    if (flow->overlaps && flow_by_path_before(flow, sent)) {
      left_us = LWIP_MAX(left_us, (int32_t)(flow->overlap_until_us - now_us));
    }
    if (left_us <= 0) scoreboard_lose(flow, i);
    else flow->reordering_us = LWIP_MAX(flow->reordering_us, (uint32_t)left_us);
  }
}

static void reduce(struct flow *flow) {
  if (flow->reducing) return;
  flow->reducing = 1;
  congestion_reduce(flow);
  flow->prr_delivered = flow->prr_sent = 0;
  flow->prr_flight = flow->pcb->snd_nxt - flow->pcb->lastack;
}

static void begin(struct flow *flow, enum phase phase) {
  if (flow->phase == OPEN) {
    flow->undo_window = flow->congestion.window;
    flow->undo_threshold = flow->congestion.threshold;
    flow->undo_w_max = flow->congestion.w_max;
    flow->resent = flow->spurious = 0;
    flow->reducing = 0;
  }
  flow->phase = phase;
  flow->recovery_end = flow->pcb->snd_nxt;
  flow->probing = 0;
  if (phase == COLLAPSED) reduce(flow);
}

static void wait_longer(struct flow *flow) {
  if (flow->reordering_steps < REORDERING_STEPS_LIMIT) flow->reordering_steps++;
}

static void end(struct flow *flow) {
  if (flow->phase == RECOVERING && flow->reducing) flow->congestion.window = flow->congestion.threshold;
  flow->phase = OPEN;
  if (flow->spurious > 0) wait_longer(flow);
  else if (flow->reordering_rounds > 0 && --flow->reordering_rounds == 0) flow->reordering_steps = 1;
}

static void undo(struct flow *flow) {
  scoreboard_lose_none(flow);
  flow->undone = 1;
  flow->phase = OPEN;
  flow->backoff = 0;
  flow->congestion.window = LWIP_MAX(flow->congestion.window, flow->undo_window);
  flow->congestion.threshold = flow->undo_threshold;
  flow->congestion.w_max = flow->undo_w_max;
  wait_longer(flow);
}

/* RFC 6937 section 3: the window that lets out, over a round trip, as much as the reduced window holds. */
static void reduce_in_proportion(struct flow *flow, uint32_t delivered) {
  struct congestion *congestion = &flow->congestion;
  flow->prr_delivered += delivered;
  uint32_t allowed;
  if (flow->in_flight > congestion->threshold) {
    uint64_t share = (uint64_t)flow->prr_delivered * congestion->threshold + flow->prr_flight - 1;
    uint32_t target = (uint32_t)(share / LWIP_MAX(flow->prr_flight, 1));
    allowed = target > flow->prr_sent ? target - flow->prr_sent : 0;
  } else {
    uint32_t owed = flow->prr_delivered > flow->prr_sent ? flow->prr_delivered - flow->prr_sent : 0;
    allowed = LWIP_MIN(congestion->threshold - flow->in_flight, LWIP_MAX(owed, delivered) + flow_mss(flow));
  }
  /* The first retransmission goes at once. */
  if (flow->prr_sent == 0) allowed = LWIP_MAX(allowed, flow_mss(flow));
  congestion->window = flow->in_flight + allowed;
}

/* RFC 8985 section 7.4: the probe's ACK, when it is not the original's, tells of a loss at the tail. */
static void look_at_probe(struct flow *flow, uint32_t now_us) {
  if (!flow->probing || TCP_SEQ_LT(flow->pcb->lastack, flow->probe_end)) return;
  flow->probing = 0;
  int repaired = flow->probe_resent && now_us - flow->probe_us >= flow->congestion.base_us && !flow->tells_duplicates;
  if (repaired && flow->phase == OPEN) {
    begin(flow, RECOVERING);
    if (congestion_is_it(flow)) reduce(flow);
    end(flow);
  }
}

/* After the scoreboard was brought up to date. `duplicates`: segments that D-SACK blocks tell of. */
void recovery_acknowledged(struct flow *flow, uint32_t delivered, uint32_t duplicates, uint32_t now_us) {
  if (duplicates > 0) {
    flow->tells_duplicates = 1;
    if (flow->probing && flow->probe_resent) flow->probing = 0;
    for (; duplicates > 0; duplicates--) needless(flow);
  }
  if (delivered > 0) {
    if (flow->sample_us > 0) measured(flow, flow->sample_us, now_us);
    flow->sample_us = 0;
    flow->backoff = 0;
    flow->since_us = now_us;
    look_at_probe(flow, now_us);
  }
  if (flow->phase != OPEN && flow->resent > 0 && flow->spurious >= flow->resent) undo(flow);
  if (flow->phase != OPEN && TCP_SEQ_GEQ(flow->pcb->lastack, flow->recovery_end)) end(flow);
  detect(flow, now_us);
  if (flow->lost > 0 && flow->phase == OPEN) begin(flow, RECOVERING);
  if (flow->phase == RECOVERING && flow->lost > 0 && congestion_is_it(flow)) reduce(flow);
  if (flow->phase == RECOVERING && flow->reducing) reduce_in_proportion(flow, flow->credit);
  else if (flow->credit > 0) congestion_delivered(flow, flow->credit);
  flow->credit = 0;
  if (flow->mixed && TCP_SEQ_GEQ(flow->pcb->lastack, flow->path_end)) flow->mixed = 0;
}

/* RACK's while has passed. */
void recovery_look_for_losses(struct flow *flow, uint32_t now_us) {
  detect(flow, now_us);
  if (flow->lost == 0) return;
  if (flow->phase == OPEN) begin(flow, RECOVERING);
  if (flow->phase != RECOVERING) return;
  if (congestion_is_it(flow)) reduce(flow);
  if (flow->reducing) reduce_in_proportion(flow, 0);
}

/* A retransmission timeout (RFC 5681 section 3.1, RFC 8985 section 6.3): slow start from one segment. */
void recovery_collapse(struct flow *flow) {
  int again = flow->phase == COLLAPSED;
  if (flow->undone) flow->misled = 1;
  begin(flow, COLLAPSED);
  scoreboard_lose_all(flow);
  flow->newest_known = 0;
  flow->congestion.window = flow_mss(flow);
  if (again) flow->undo_window = 0; /* twice in a row is no accident */
}
