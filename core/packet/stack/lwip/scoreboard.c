/*
 * The scoreboard (RFC 6675 section 3): a ring with an entry for each segment in pcb->unacked, whose memory is lwIP's.
 * lwIP frees acknowledged segments by itself; scoreboard_acknowledge drops their entries before anything else looks.
 */
#include <string.h>
#include "flow.h"

#define LEAST_CAPACITY 16u

struct sent *scoreboard_at(const struct flow *flow, uint32_t index) {
  return &flow->ring[(flow->head + index) & (flow->capacity - 1)];
}

void scoreboard_clear(struct flow *flow) {
  heap_free(flow->ring);
  flow->ring = NULL;
  flow->capacity = flow->head = flow->count = 0;
  flow->in_flight = flow->lost = flow->sacked_count = flow->first_lost = 0;
  memset(flow->known, 0, sizeof flow->known);
}

static int resize(struct flow *flow, uint32_t capacity) {
  struct sent *ring = heap_malloc(capacity * sizeof *ring);
  if (ring == NULL) return 0;
  for (uint32_t i = 0; i < flow->count; i++) ring[i] = *scoreboard_at(flow, i);
  heap_free(flow->ring);
  flow->ring = ring;
  flow->capacity = capacity;
  flow->head = 0;
  return 1;
}

int scoreboard_has_room(struct flow *flow) {
  return flow->count < flow->capacity || resize(flow, LWIP_MAX(LEAST_CAPACITY, flow->capacity * 2));
}

int scoreboard_track(struct flow *flow, uint32_t now_us) {
  struct tcp_seg *segment = flow->pcb->unacked;
  if (flow->count > 0) segment = scoreboard_at(flow, flow->count - 1)->segment->next;
  for (; segment != NULL; segment = segment->next) {
    if (!scoreboard_has_room(flow)) return 0;
    uint16_t length = TCP_TCPLEN(segment);
    if (flow->count == 0) flow->since_us = now_us;
    *scoreboard_at(flow, flow->count++) = (struct sent){
      .segment = segment,
      .end = lwip_ntohl(segment->tcphdr->seqno) + length,
      .at_us = now_us,
      .order = ++flow->transmissions,
      .length = length,
    };
    flow->in_flight += length;
    flow->prr_sent += length;
    flow->sent_us = now_us;
    if (segment->len > 0 && segment->len < flow_mss(flow)) {
      flow->small_end = scoreboard_at(flow, flow->count - 1)->end;
    }
  }
  return 1;
}

static void remove_from_counts(struct flow *flow, const struct sent *sent) {
  if (sent->flags & SACKED) flow->sacked_count--;
  else if (sent->flags & LOST) flow->lost -= sent->length;
  else flow->in_flight -= sent->length;
}

uint32_t scoreboard_acknowledge(struct flow *flow, uint32_t now_us) {
  uint32_t delivered = 0;
  uint32_t highest = flow->highest;
  while (flow->count > 0) {
    struct sent *sent = scoreboard_at(flow, 0);
    if (TCP_SEQ_GT(sent->end, flow->pcb->lastack)) break;
    if (!(sent->flags & SACKED)) {
      delivered += sent->length;
      recovery_delivered(flow, sent, highest, now_us);
    }
    remove_from_counts(flow, sent);
    flow->head = (flow->head + 1) & (flow->capacity - 1);
    flow->count--;
    if (flow->first_lost > 0) flow->first_lost--;
  }
  if (TCP_SEQ_LT(flow->highest, flow->pcb->lastack)) flow->highest = flow->pcb->lastack;
  if (TCP_SEQ_LT(flow->small_end, flow->pcb->lastack)) flow->small_end = flow->pcb->lastack;
  /* An idle connection keeps no memory for what it once had in flight. */
  if (flow->count == 0 && flow->capacity > LEAST_CAPACITY) scoreboard_clear(flow);
  return delivered;
}

/* The first entry that ends behind `sequence`. */
static uint32_t find(const struct flow *flow, uint32_t sequence) {
  uint32_t low = 0, high = flow->count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (TCP_SEQ_GT(scoreboard_at(flow, middle)->end, sequence)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/* A block grows to the right from ACK to ACK: what was seen of it before need not be looked at again. */
static uint32_t unseen(const struct flow *flow, const struct block *block) {
  for (uint32_t i = 0; i < SACK_BLOCKS; i++) {
    const struct block *known = &flow->known[i];
    if (known->left == known->right) continue;
    if (TCP_SEQ_LEQ(known->left, block->left) && TCP_SEQ_GEQ(known->right, block->left)) return known->right;
  }
  return block->left;
}

/* lwIP SACKs the bytes of a segment and not the FIN that came with them; others do. */
static uint32_t sacked_end(const struct sent *sent) {
  int fin_after_bytes = sent->segment->len > 0 && (TCPH_FLAGS(sent->segment->tcphdr) & TCP_FIN);
  return fin_after_bytes ? sent->end - 1 : sent->end;
}

uint32_t scoreboard_sack(struct flow *flow, const struct block *blocks, uint32_t count, uint32_t now_us) {
  uint32_t delivered = 0;
  uint32_t before = flow->highest;
  for (uint32_t i = 0; i < count; i++) {
    const struct block *block = &blocks[i];
    for (uint32_t at = find(flow, unseen(flow, block)); at < flow->count; at++) {
      struct sent *sent = scoreboard_at(flow, at);
      if (TCP_SEQ_GT(sacked_end(sent), block->right)) break;
      if (sent->flags & SACKED || TCP_SEQ_LT(sent->end - sent->length, block->left)) continue;
      remove_from_counts(flow, sent);
      recovery_delivered(flow, sent, before, now_us);
      sent->flags = (uint8_t)((sent->flags & ~LOST) | SACKED);
      flow->sacked_count++;
      delivered += sent->length;
    }
    if (TCP_SEQ_GT(block->right, flow->highest)) flow->highest = block->right;
  }
  memset(flow->known, 0, sizeof flow->known);
  memcpy(flow->known, blocks, count * sizeof *blocks);
  return delivered;
}

void scoreboard_lose(struct flow *flow, uint32_t index) {
  struct sent *sent = scoreboard_at(flow, index);
  if (sent->flags & (SACKED | LOST)) return;
  sent->flags |= LOST;
  flow->in_flight -= sent->length;
  flow->lost += sent->length;
  flow->congestion.lost += sent->length;
  if (index < flow->first_lost) flow->first_lost = index;
}

/*
 * Of a peer that has dropped what it had SACKed (RFC 2018 section 8), which shows when the first segment is SACKed and
 * yet not acknowledged, everything is lost.
 */
void scoreboard_lose_all(struct flow *flow) {
  int reneged = flow->count > 0 && (scoreboard_at(flow, 0)->flags & SACKED);
  for (uint32_t i = 0; i < flow->count; i++) {
    struct sent *sent = scoreboard_at(flow, i);
    if (reneged && (sent->flags & SACKED)) {
      sent->flags &= (uint8_t)~SACKED;
      flow->sacked_count--;
      flow->in_flight += sent->length;
    }
    scoreboard_lose(flow, i);
  }
  if (reneged) memset(flow->known, 0, sizeof flow->known);
}

void scoreboard_lose_none(struct flow *flow) {
  for (uint32_t i = 0; flow->lost > 0 && i < flow->count; i++) {
    struct sent *sent = scoreboard_at(flow, i);
    if (!(sent->flags & LOST)) continue;
    sent->flags &= (uint8_t)~LOST;
    flow->lost -= sent->length;
    flow->in_flight += sent->length;
  }
}

void scoreboard_resent(struct flow *flow, struct sent *sent, uint32_t now_us) {
  if (sent->flags & LOST) {
    flow->lost -= sent->length;
    flow->in_flight += sent->length;
  }
  sent->flags = (uint8_t)((sent->flags & ~LOST) | RESENT);
  sent->at_us = now_us;
  sent->order = ++flow->transmissions;
  flow->prr_sent += sent->length;
  flow->sent_us = now_us;
  flow->resent++;
}

void scoreboard_split(struct flow *flow, uint32_t index, struct tcp_seg *rest, uint16_t length) {
  /* What is retransmitted is near the head: its side moves. */
  flow->head = (flow->head - 1) & (flow->capacity - 1);
  flow->count++;
  for (uint32_t i = 0; i <= index; i++) *scoreboard_at(flow, i) = *scoreboard_at(flow, i + 1);
  struct sent *first = scoreboard_at(flow, index);
  struct sent *second = scoreboard_at(flow, index + 1);
  *second = *first;
  first->end -= first->length - length;
  first->length = length;
  second->segment = rest;
  second->length -= length;
  if (second->flags & SACKED) flow->sacked_count++;
}
