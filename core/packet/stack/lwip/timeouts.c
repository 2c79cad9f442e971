/*
 * The sender's timer: one per flow, for whichever comes first of RACK's wait, the tail loss probe (RFC 8985 section
 * 7) and the retransmission timeout (RFC 6298). Flows are looked through only when the earliest is due.
 */
#include "flow.h"

#define NEVER 0xffffffffu
/* RFC 6298 asks for a second; Linux takes 200 ms, and so does everybody who wants to be used. */
#define LEAST_RTO_US 200000u
#define FIRST_RTO_US 1000000u
#define MOST_RTO_US 60000000u
#define LEAST_PROBE_US 10000u
/* How long a peer may keep an ACK back: this stack 25 ms, Linux usually 40. */
#define ACK_DELAY_US 50000u
/*
 * A timer that fires later than this was held up by the program, and ACKs may be waiting in the socket: the event
 * loop runs timers before it reads. They are read first.
 */
#define LATE_US 5000u
#define POSTPONE_US 1000u
/* Linux's tcp_retries2 of 15: a connection without an answer ends after 924 s (RFC 1122, 4.2.3.5). */
#define GIVE_UP_US 924600000u
#define BACKOFF_LIMIT 16
#define STALL_TIMEOUTS 2

static uint32_t earliest_us;
static uint8_t any;

static int is_due(uint32_t due_us, uint32_t now_us) {
  return (int32_t)(now_us - due_us) >= 0;
}

/* RFC 6298 section 2. */
void timeouts_sample(struct flow *flow, uint32_t rtt_us) {
  if (flow->srtt_us == 0) {
    flow->srtt_us = LWIP_MAX(rtt_us, 1);
    flow->variance_us = rtt_us / 2;
    return;
  }
  uint32_t difference = rtt_us > flow->srtt_us ? rtt_us - flow->srtt_us : flow->srtt_us - rtt_us;
  flow->variance_us = flow->variance_us - flow->variance_us / 4 + difference / 4;
  flow->srtt_us = LWIP_MAX(flow->srtt_us - flow->srtt_us / 8 + rtt_us / 8, 1);
}

uint32_t timeouts_rto_us(const struct flow *flow) {
  uint32_t base_us = FIRST_RTO_US;
  if (flow->srtt_us > 0) base_us = flow->srtt_us + LWIP_MAX(4 * flow->variance_us, LEAST_RTO_US);
  uint64_t rto_us = (uint64_t)base_us << flow->backoff;
  return (uint32_t)LWIP_MIN(rto_us, MOST_RTO_US);
}

static uint32_t probe_timeout_us(const struct flow *flow) {
  if (flow->srtt_us == 0) return flow->guess_us;
  uint32_t timeout_us = LWIP_MAX(2 * flow->srtt_us, LEAST_PROBE_US);
  return flow->count == 1 ? timeout_us + ACK_DELAY_US : timeout_us;
}

static void set(struct flow *flow, enum timer timer, uint32_t due_us) {
  flow->timer = timer;
  flow->due_us = due_us;
  flow->late = 0;
  if (any && !is_due(due_us, earliest_us)) return;
  any = 1;
  earliest_us = due_us;
}

/* After anything was sent or acknowledged. */
void timeouts_set(struct flow *flow, uint32_t now_us) {
  if (flow->count == 0) {
    flow->timer = IDLE;
    return;
  }
  uint32_t timeout_us = flow->since_us + timeouts_rto_us(flow);
  if (flow->reordering_us > 0) {
    set(flow, REORDERING, now_us + flow->reordering_us);
    return;
  }
  int probes = flow->phase == OPEN && !flow->probing && flow->backoff == 0 && flow->sacked_count == 0;
  uint32_t probe_us = flow->sent_us + probe_timeout_us(flow);
  if (probes && probe_us != flow->sent_us && !is_due(timeout_us, probe_us)) set(flow, PROBE, probe_us);
  else set(flow, TIMEOUT, timeout_us);
}

/* RFC 8985 section 7.3: new data if there is any, else the last segment again. */
static void probe(struct flow *flow, uint32_t now_us) {
  flow->probe_resent = !transmit_one_more(flow);
  if (flow->probe_resent) transmit_again(flow, flow->count - 1);
  flow_counters.probes++;
  flow->probing = 1;
  flow->probe_us = now_us;
  flow->probe_end = flow->pcb->snd_nxt;
  flow->since_us = now_us;
}

static void time_out(struct flow *flow, uint32_t now_us) {
  if (flow->backoff == 0) flow->silent_since_us = now_us;
  if (now_us - flow->silent_since_us >= GIVE_UP_US) {
    flow->pcb->nrtx = TCP_MAXRTX; /* lwIP's next slow tick ends the connection */
    flow->timer = IDLE;
    return;
  }
  flow_counters.timeouts++;
  recovery_collapse(flow);
  if (flow->backoff < BACKOFF_LIMIT) flow->backoff++;
  flow->since_us = now_us;
  /* After two in a row the path may have come to carry small packets only (RFC 8899 section 4.3). */
  if (flow->backoff >= STALL_TIMEOUTS) port_stalled((uint32_t)(uintptr_t)flow->pcb->callback_arg);
  transmit(flow);
}

static void fire(struct flow *flow, uint32_t now_us) {
  enum timer timer = flow->timer;
  flow->timer = IDLE;
  scoreboard_track(flow, now_us);
  if (timer == REORDERING) {
    recovery_look_for_losses(flow, now_us);
    transmit(flow);
  } else if (flow->count > 0) {
    if (timer == PROBE) probe(flow, now_us);
    else time_out(flow, now_us);
  }
  if (flow->timer == IDLE && flow->pcb->nrtx < TCP_MAXRTX) timeouts_set(flow, now_us);
}

static void look(struct flow *flow, uint32_t now_us) {
  if (flow->timer == IDLE) return;
  if (is_due(flow->due_us, now_us)) {
    if (flow->timer != REORDERING && !flow->late && now_us - flow->due_us > LATE_US) {
      set(flow, flow->timer, now_us + POSTPONE_US);
      flow->late = 1;
      return;
    }
    fire(flow, now_us);
  }
  if (flow->timer != IDLE && (!any || is_due(flow->due_us, earliest_us))) {
    any = 1;
    earliest_us = flow->due_us;
  }
}

void timeouts_run(void) {
  uint32_t now_us = flow_now_us();
  if (!any || !is_due(earliest_us, now_us)) return;
  any = 0;
  for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
    struct flow *flow = flow_of(pcb);
    if (flow != NULL) look(flow, now_us);
  }
}

uint32_t timeouts_sleep_ms(void) {
  if (!any) return NEVER;
  int32_t left_us = (int32_t)(earliest_us - flow_now_us());
  return left_us <= 0 ? 0 : ((uint32_t)left_us + 999) / 1000;
}
