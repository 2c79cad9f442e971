/*
 * CUBIC (RFC 9438), and slow start that ends before it overflows the path: HyStart++ (RFC 9406). Windows are in bytes,
 * CUBIC's own variables in segments and seconds, as in the RFC.
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

static void new_round(struct flow *flow) {
  struct congestion *congestion = &flow->congestion;
  int longer = congestion->round_least_us > flow->least_us + OTHER_PATH_US;
  congestion->long_rounds = longer ? congestion->long_rounds + 1 : 0;
  if (congestion->long_rounds >= OTHER_PATH_ROUNDS) flow->least_us = congestion->round_least_us;
  congestion->last_round_us = congestion->round_least_us;
  congestion->round_least_us = 0;
  congestion->samples = 0;
  congestion->round_end = flow->pcb->snd_nxt;
  if (congestion->cautious_rounds > 0 && --congestion->cautious_rounds == 0) congestion->threshold = congestion->window;
}

void congestion_sample(struct flow *flow, uint32_t rtt_us) {
  struct congestion *congestion = &flow->congestion;
  if (congestion->round_least_us == 0 || rtt_us < congestion->round_least_us) congestion->round_least_us = rtt_us;
  if (congestion->window >= congestion->threshold) return;
  if (congestion->samples < SAMPLES) congestion->samples++;
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
  uint64_t bytes = CEILING + (uint64_t)CEILING_PER_MS * flow->least_us / 1000;
  return (uint32_t)LWIP_MIN(LWIP_MAX(bytes, CEILING_SEGMENTS * flow_mss(flow)), WINDOW_LIMIT);
}

/* A window that is not used says nothing about the path, and does not grow (RFC 9438 section 4.2, RFC 7661). */
void congestion_delivered(struct flow *flow, uint32_t bytes) {
  struct congestion *congestion = &flow->congestion;
  if (TCP_SEQ_GEQ(flow->pcb->lastack, congestion->round_end)) new_round(flow);
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
  avoid(flow, (double)bytes / flow_mss(flow));
}

/* RFC 9438 sections 4.6 and 4.7. */
void congestion_lost(struct flow *flow) {
  struct congestion *congestion = &flow->congestion;
  uint32_t mss = flow_mss(flow);
  double segments = (double)congestion->window / mss;
  congestion->w_max = segments < congestion->w_max ? segments * (1.0 + BETA) / 2.0 : segments;
  congestion->threshold = LWIP_MAX((uint32_t)(congestion->window * BETA), LEAST_SEGMENTS * mss);
  congestion->in_epoch = 0;
  congestion->cautious_rounds = 0;
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
