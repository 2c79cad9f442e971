/* Flows as a whole: see flow.h. */
#include <string.h>
#include "flow.h"
#include "hooks.h"

#define SACK_KIND 5
#define SACK_BLOCK_LENGTH 8

#define SLOT(pcb) ((pcb)->ext_args[0])

/* The SACK blocks of the segment in process: those of new data, and how many told of duplicates (RFC 2883). */
static struct block blocks[SACK_BLOCKS];
static uint32_t block_count;
static uint32_t duplicate_count;

struct flow_counters flow_counters;

/* Four numbers of 32 bits. */
EXPORT(tcp_counters) const void *tcp_counters(void) {
  return &flow_counters;
}

uint32_t flow_now_us(void) {
  return (uint32_t)(uint64_t)(port_time() * 1000.0);
}

uint32_t flow_first_sequence(void) {
  static uint32_t secret;
  if (secret == 0) secret = port_random() | 1;
  return secret + (uint32_t)(uint64_t)(port_time() * 15625.0);
}

uint16_t netif_default_path_mtu(void);

static void destroy(u8_t id, void *data) {
  LWIP_UNUSED_ARG(id);
  struct flow *flow = data;
  if (flow == NULL) return;
  receiver_forget(flow);
  scoreboard_clear(flow);
  heap_free(flow);
}

static const struct tcp_ext_arg_callbacks callbacks = { .destroy = destroy };

struct flow *flow_of(const struct tcp_pcb *pcb) {
  return SLOT(pcb).data;
}

err_t flow_open(struct tcp_pcb *pcb) {
  struct flow *flow = heap_calloc(1, sizeof *flow);
  if (flow == NULL) return ERR_MEM;
  flow->pcb = pcb;
  flow->path_mtu = netif_default_path_mtu();
  flow->reordering_steps = 1;
  SLOT(pcb).data = flow;
  SLOT(pcb).callbacks = &callbacks;
  return ERR_OK;
}

void flow_close(struct tcp_pcb *pcb) {
  destroy(0, SLOT(pcb).data);
  SLOT(pcb).data = NULL;
}

/* The handshake is complete; pcb->mss is what the peer's SYN and the interface allow. */
void flow_established(struct flow *flow) {
  struct tcp_pcb *pcb = flow->pcb;
  flow->peer_mss = pcb->mss;
  flow->highest = flow->small_end = pcb->lastack;
  transmit_path_mtu(flow, flow->path_mtu);
  congestion_start(flow);
  receiver_established(flow);
  pcb->rtime = -1;
}

uint32_t flow_mss(const struct flow *flow) {
  return flow->pcb->mss;
}

static uint32_t read32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* A block must lie within what was sent; one below the ACK tells of a duplicate (RFC 2883 section 4.1). */
static void note_block(const struct flow *flow, uint32_t ack, const uint8_t *at) {
  struct block block = { read32(at), read32(at + 4) };
  if (!TCP_SEQ_LT(block.left, block.right) || TCP_SEQ_GT(block.right, flow->pcb->snd_nxt)) return;
  if (TCP_SEQ_LEQ(block.right, ack)) duplicate_count++;
  else if (TCP_SEQ_GEQ(block.left, ack)) blocks[block_count++] = block;
}

void flow_note_ack(struct flow *flow, const struct tcp_hdr *header, uint32_t options_length) {
  block_count = duplicate_count = 0;
  flow->gap = flow->pcb->ooseq != NULL;
  if (flow->peer_mss == 0 || !(TCPH_FLAGS(header) & TCP_ACK)) return;
  const uint8_t *options = (const uint8_t *)(header + 1);
  for (uint32_t at = 0; at < options_length;) {
    uint8_t kind = options[at];
    if (kind == LWIP_TCP_OPT_EOL) return;
    if (kind == LWIP_TCP_OPT_NOP) {
      at++;
      continue;
    }
    if (at + 2 > options_length) return;
    uint32_t length = options[at + 1];
    if (length < 2 || at + length > options_length) return;
    if (kind == SACK_KIND) {
      for (uint32_t block = 2; block + SACK_BLOCK_LENGTH <= length && block_count < SACK_BLOCKS;) {
        note_block(flow, header->ackno, options + at + block);
        block += SACK_BLOCK_LENGTH;
      }
    }
    at += length;
  }
}

/* lwIP drops what came out of order after six times its own RTO of silence, which is not kept up here: 60 s. */
#define DROP_AFTER_TICKS (10000 / TCP_SLOW_INTERVAL)

static void keep_idle(struct tcp_pcb *pcb) {
  pcb->rtime = -1;
  pcb->rto = DROP_AFTER_TICKS;
}

void flow_settle(struct tcp_pcb *pcb) {
  struct flow *flow = flow_of(pcb);
  if (flow == NULL || flow->peer_mss == 0) return;
  uint32_t now_us = flow_now_us();
  keep_idle(pcb);
  uint32_t delivered = scoreboard_acknowledge(flow, now_us);
  delivered += scoreboard_sack(flow, blocks, block_count, now_us);
  scoreboard_track(flow, now_us);
  if (delivered > 0 || duplicate_count > 0) {
    recovery_acknowledged(flow, delivered, duplicate_count, now_us);
  }
  transmit(flow);
}

void flow_catch_up(struct flow *flow) {
  struct tcp_pcb *pcb = flow->pcb;
  if (flow->peer_mss == 0) return;
  keep_idle(pcb);
  struct tcp_seg *untracked = pcb->unacked;
  if (flow->count > 0) untracked = scoreboard_at(flow, flow->count - 1)->segment->next;
  if (untracked == NULL) return;
  uint32_t now_us = flow_now_us();
  scoreboard_track(flow, now_us);
  timeouts_set(flow, now_us);
}

/* Segments that are too large for the path now are not on it any more. */
void flow_set_path_mtu(struct flow *flow, uint32_t mtu) {
  transmit_path_mtu(flow, mtu);
  if (flow->peer_mss == 0) return;
  uint32_t lost = flow->lost;
  for (uint32_t i = 0; i < flow->count; i++) {
    if (scoreboard_at(flow, i)->segment->len > flow->pcb->mss) scoreboard_lose(flow, i);
  }
  if (flow->lost == lost && flow->backoff == 0) return;
  flow->backoff = 0;
  flow->since_us = flow_now_us();
  if (flow->lost > lost) congestion_restart(flow);
  transmit(flow);
}
