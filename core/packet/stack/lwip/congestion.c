/*
 * CUBIC (RFC 9438), and slow start that ends before it overflows the path: HyStart++ (RFC 9406). Windows are in bytes,
 * CUBIC's own variables in segments and seconds, as in the RFC.
 *
 * Radio loses packets with no queue anywhere. A loss counts as congestion when the round trip has risen above the
 * least that this path ever had (packets wait in a queue), or when more is lost than a medium loses. Other losses are
 * repaired and change no window; and while they happen and no queue builds up, the window grows by an eighth a round
 * trip, since CUBIC alone would take minutes to find what the path holds. With a queue there is nothing but CUBIC, so
 * flows that share one, a kernel's among them, share it as CUBIC does.
 */
#include <math.h>
#include "flow.h"

#define C 0.4
#define BETA 0.7
/* RFC 9438 section 4.3: grows as Reno would on average. */
#define ALPHA (3.0 * (1.0 - BETA) / (1.0 + BETA))
#define LEAST_SEGMENTS 2u
/* RFC 6928. */
#define INITIAL_SEGMENTS 10u
#define UNLIMITED 0xffffffffu
/*
 * No window is larger than this much and so much for each millisecond of the least round trip: 2 Gbit/s, which no
 * process seals. On a path within a host or a LAN what is slow is the receiving process, and a larger window would
 * only wait in its socket's buffer, for tens of milliseconds, until that overflows.
 */
#define CEILING (128u * 1024)
#define CEILING_PER_MS (256u * 1024)
#define CEILING_SEGMENTS 64u
#define WINDOW_LIMIT (1u << 30)
/* So many rounds in a row, all longer than the least round trip by so much, are another path. */
#define OTHER_PATH_ROUNDS 8
#define OTHER_PATH_US 20000u

/* RFC 9406 section 4.3. */
#define LEAST_RISE_US 2000u
#define MOST_RISE_US 16000u
#define SAMPLES 8
#define CAUTIOUS_ROUNDS 5
#define CAUTIOUS_DIVISOR 4u

void congestion_start(struct flow *flow) {
  flow->congestion = (struct congestion){
    .window = INITIAL_SEGMENTS * flow_mss(flow),
    .threshold = UNLIMITED,
    .round_end = flow->pcb->snd_nxt,
  };
}

/* What a queue adds to the round trip, at least: more than timers and schedulers do to the least of a round. */
#define QUEUE_US 1000u
#define QUEUE_DIVISOR 16u
/* A medium loses at most this share, and this many segments when there were too few to tell. */
#define MOST_LOST_PERCENT 5u
#define FEW_SEGMENTS 4u
#define REMEMBERED_SEGMENTS 256u
#define LOSSY_DIVISOR 8u

static int is_queued(const struct flow *flow) {
  const struct congestion *congestion = &flow->congestion;
  if (congestion->base_us == 0) return 0; /* no round trip was measured on this path: a probe's tells of no queue */
  uint32_t now_us = congestion->samples >= SAMPLES / 2 ? congestion->round_least_us : congestion->last_round_us;
  if (now_us == 0) now_us = flow->srtt_us;
  return now_us > congestion->base_us + LWIP_MAX(QUEUE_US, congestion->base_us / QUEUE_DIVISOR);
}

int congestion_is_it(const struct flow *flow) {
  const struct congestion *congestion = &flow->congestion;
  uint64_t most = ((uint64_t)congestion->lost + congestion->delivered) * MOST_LOST_PERCENT / 100;
  return congestion->lost > most + FEW_SEGMENTS * flow_mss(flow) || is_queued(flow);
}

static void new_round(struct flow *flow) {
  struct congestion *congestion = &flow->congestion;
  int longer = congestion->round_least_us > flow->least_us + OTHER_PATH_US;
  congestion->long_rounds = longer ? congestion->long_rounds + 1 : 0;
  if (congestion->long_rounds >= OTHER_PATH_ROUNDS) flow->least_us = congestion->round_least_us;
  congestion->last_round_us = congestion->round_least_us;
  congestion->round_least_us = 0;
  congestion->samples = 0;
  congestion->round_end = flow->pcb->snd_nxt;
  if (congestion->delivered > REMEMBERED_SEGMENTS * flow_mss(flow)) {
    congestion->delivered /= 2;
    congestion->lost /= 2;
  }
  if (congestion->cautious_rounds > 0 && --congestion->cautious_rounds == 0) congestion->threshold = congestion->window;
}

void congestion_sample(struct flow *flow, uint32_t rtt_us) {
  struct congestion *congestion = &flow->congestion;
  if (congestion->base_us == 0 || rtt_us < congestion->base_us) congestion->base_us = LWIP_MAX(rtt_us, 1);
  if (congestion->round_least_us == 0 || rtt_us < congestion->round_least_us) congestion->round_least_us = rtt_us;
  if (congestion->samples < SAMPLES) congestion->samples++;
  if (congestion->window >= congestion->threshold) return;
  if (congestion->samples < SAMPLES || congestion->last_round_us == 0) return;
  uint32_t rise = LWIP_MIN(LWIP_MAX(congestion->last_round_us / 8, LEAST_RISE_US), MOST_RISE_US);
  if (congestion->cautious_rounds > 0) {
    if (congestion->round_least_us < congestion->baseline_us) congestion->cautious_rounds = 0; /* it was nothing */
  } else if (congestion->round_least_us >= congestion->last_round_us + rise) {
    congestion->cautious_rounds = CAUTIOUS_ROUNDS;
    congestion->baseline_us = congestion->round_least_us;
  }
}

static double seconds(void) {
  return port_time() / 1000.0;
}

static void start_epoch(struct congestion *congestion, double segments) {
  congestion->in_epoch = 1;
  congestion->epoch = seconds();
  congestion->w_est = segments;
  if (congestion->w_max < segments) congestion->w_max = segments;
  congestion->k = cbrt((congestion->w_max - segments) / C);
}

static void avoid(struct flow *flow, double acknowledged) {
  struct congestion *congestion = &flow->congestion;
  double mss = flow_mss(flow);
  double segments = congestion->window / mss;
  if (!congestion->in_epoch) start_epoch(congestion, segments);
  double t = seconds() - congestion->epoch;
  congestion->w_est += (congestion->w_est >= congestion->w_max ? 1.0 : ALPHA) * acknowledged / segments;
  double since = t - congestion->k;
  if (C * since * since * since + congestion->w_max < congestion->w_est) {
    congestion->window = LWIP_MAX(congestion->window, (uint32_t)(congestion->w_est * mss));
    return;
  }
  since += flow->srtt_us / 1e6;
  double target = fmin(C * since * since * since + congestion->w_max, 1.5 * segments);
  if (target > segments) congestion->window += (uint32_t)((target - segments) / segments * acknowledged * mss);
}

static uint32_t ceiling(const struct flow *flow) {
  uint32_t rtt_us = flow->least_us > 0 ? flow->least_us : flow->newest_rtt_us; /* all is sent twice: none is measured */
  uint64_t bytes = CEILING + (uint64_t)CEILING_PER_MS * rtt_us / 1000;
  return (uint32_t)LWIP_MIN(LWIP_MAX(bytes, CEILING_SEGMENTS * flow_mss(flow)), WINDOW_LIMIT);
}

/* A window that is not used says nothing about the path, and does not grow (RFC 9438 section 4.2, RFC 7661). */
void congestion_delivered(struct flow *flow, uint32_t bytes) {
  struct congestion *congestion = &flow->congestion;
  if (TCP_SEQ_GEQ(flow->pcb->lastack, congestion->round_end)) new_round(flow);
  congestion->delivered += bytes;
  if (flow->lost > 0 && !congestion_is_it(flow)) congestion->lossy = 1;
  uint32_t most = ceiling(flow);
  if (!flow->limited || congestion->window >= most) {
    congestion->in_epoch = 0;
    congestion->window = LWIP_MIN(congestion->window, most);
    return;
  }
  if (congestion->window < congestion->threshold) {
    congestion->window += congestion->cautious_rounds > 0 ? bytes / CAUTIOUS_DIVISOR : bytes;
    return;
  }
  if (congestion->lossy && !is_queued(flow)) congestion->window += bytes / LOSSY_DIVISOR;
  else avoid(flow, (double)bytes / flow_mss(flow));
}

/* RFC 9438 sections 4.6 and 4.7. */
void congestion_reduce(struct flow *flow) {
  struct congestion *congestion = &flow->congestion;
  uint32_t mss = flow_mss(flow);
  double segments = (double)congestion->window / mss;
  congestion->w_max = segments < congestion->w_max ? segments * (1.0 + BETA) / 2.0 : segments;
  congestion->threshold = LWIP_MAX((uint32_t)(congestion->window * BETA), LEAST_SEGMENTS * mss);
  congestion->in_epoch = congestion->lossy = 0;
  congestion->cautious_rounds = 0;
}

void congestion_restart(struct flow *flow) {
  struct congestion *congestion = &flow->congestion;
  uint32_t restart = flow->in_flight + INITIAL_SEGMENTS * flow_mss(flow);
  if (congestion->window <= restart) return;
  if (congestion->threshold > congestion->window) congestion->threshold = congestion->window;
  congestion->window = restart;
  congestion->in_epoch = 0;
}

/* RFC 5681 section 4.1, as Linux does it: the window halves with every retransmission timeout of silence. */
void congestion_idle(struct flow *flow, uint32_t idle_us) {
  struct congestion *congestion = &flow->congestion;
  uint32_t restart = LWIP_MIN(INITIAL_SEGMENTS * flow_mss(flow), congestion->window);
  uint32_t rto_us = timeouts_rto_us(flow);
  if (idle_us <= rto_us || congestion->window <= restart) return;
  if (congestion->threshold != UNLIMITED) {
    congestion->threshold = LWIP_MAX(congestion->threshold, congestion->window / 4 * 3);
  }
  for (; idle_us > rto_us && congestion->window > restart; idle_us -= rto_us) congestion->window /= 2;
  congestion->window = LWIP_MAX(congestion->window, restart);
  congestion->in_epoch = 0;
}
