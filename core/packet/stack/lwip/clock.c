/*
 * TCP's timers without a ticking clock. lwIP wants tcp_fasttmr every TCP_TMR_INTERVAL and tcp_slowtmr every second
 * time, for as long as a connection exists. Here ticks pass only when one would do something:
 *
 *   any call into the stack    -> clock_enter: counts the ticks that have gone by since the last one
 *   after it                   -> the next tick is due at its time, because the call may have started a timer
 *   that tick                  -> runs lwIP's timers, then looks when the next of them can have an effect
 *   no connection waits        -> nothing is due
 *
 * Ticks that went by are added to what lwIP counts per tick: tcp_ticks, and rtime and persist_cnt of each pcb.
 */
#include "flow.h"
#include "reassembly.h"
#include "timewait.h"
#include "lwip/priv/tcp_priv.h"

#define NEVER 0xffffffffu
/* lwIP's tcp_persist_backoff (tcp.c), in slow ticks. Should it change there, probes shift, no more. */
static const u8_t persist_backoff[7] = { 3, 6, 12, 24, 48, 96, 120 };

static uint32_t ticks;     /* fast ticks passed; every second one is a slow tick */
static uint32_t tick_ms;   /* when the last of them passed */
static uint32_t due_ticks; /* the next that must run */
static uint8_t armed;      /* whether one must */
static uint8_t touched;    /* whether clock_enter was called since clock_leave */

static void pass_slow_ticks(uint32_t slow, uint32_t planned) {
  tcp_ticks += slow;
  for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
    if (pcb->persist_backoff > 0) {
      u8_t limit = persist_backoff[LWIP_MIN(pcb->persist_backoff, 7) - 1];
      uint32_t count = pcb->persist_cnt + LWIP_MIN(planned, 255);
      if (pcb->persist_cnt < limit) pcb->persist_cnt = (u8_t)LWIP_MIN(count, limit - 1u);
    } else if (pcb->rtime >= 0 && pcb->rtime < pcb->rto) {
      pcb->rtime = (s16_t)LWIP_MIN(pcb->rtime + planned, (uint32_t)pcb->rto - 1);
    }
  }
}

/*
 * Lets `fast` ticks pass. When the process was late (a long computation), ACKs may be waiting in its sockets: the
 * retransmission timers only see the ticks that were planned.
 */
static void pass(uint32_t fast) {
  uint32_t planned = armed && due_ticks - ticks < fast ? due_ticks - ticks : fast;
  uint32_t slow = (ticks + fast) / 2 - ticks / 2;
  uint32_t planned_slow = (ticks + planned) / 2 - ticks / 2;
  if (slow > 0) pass_slow_ticks(slow, planned_slow);
  ticks += fast;
  tick_ms += fast * TCP_TMR_INTERVAL;
}

static uint32_t elapsed_ticks(void) {
  return (port_now() - tick_ms) / TCP_TMR_INTERVAL;
}

/* Slow ticks from now until `age` of them have gone by since `since`; tcp_slowtmr compares with ">". */
static uint32_t until(uint32_t since, uint32_t age) {
  uint32_t passed = tcp_ticks - since;
  return passed > age ? 1 : age - passed + 1;
}

static uint32_t slow_ticks_to_wait(const struct tcp_pcb *pcb) {
  uint32_t wait = NEVER;
  if (pcb->persist_backoff > 0) {
    u8_t limit = persist_backoff[LWIP_MIN(pcb->persist_backoff, 7) - 1];
    wait = pcb->persist_cnt < limit ? limit - pcb->persist_cnt : 1;
  } else if (pcb->rtime >= 0) {
    wait = pcb->rtime < pcb->rto ? pcb->rto - pcb->rtime : 1;
  } else if (pcb->nrtx >= TCP_MAXRTX) {
    wait = 1;
  } else if (pcb->unsent != NULL && pcb->unacked == NULL) {
    wait = 1; /* could not be sent for lack of memory: lwIP tries again every slow tick */
  }
  if (pcb->ooseq != NULL) {
    uint32_t age = pcb->rto * TCP_OOSEQ_TIMEOUT;
    wait = LWIP_MIN(wait, until(pcb->tmr, age > 0 ? age - 1 : 0));
  }
  if (pcb->state == SYN_RCVD) wait = LWIP_MIN(wait, until(pcb->tmr, TCP_SYN_RCVD_TIMEOUT / TCP_SLOW_INTERVAL));
  if ((pcb->so_options & SOF_KEEPALIVE) && (pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT)) {
    uint32_t idle_ms = pcb->keep_idle + LWIP_MIN(pcb->keep_cnt_sent, pcb->keep_cnt) * pcb->keep_intvl;
    wait = LWIP_MIN(wait, until(pcb->tmr, idle_ms / TCP_SLOW_INTERVAL));
  }
  return wait;
}

static void plan(void) {
  uint32_t wait = NEVER;
  uint8_t soon = 0;
  for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
    if (flow_of(pcb) != NULL) flow_catch_up(flow_of(pcb));
    if (pcb->flags & (TF_ACK_DELAY | TF_ACK_NOW | TF_CLOSEPEND | TF_NAGLEMEMERR)) soon = 1;
    wait = LWIP_MIN(wait, slow_ticks_to_wait(pcb));
  }
  armed = soon || wait != NEVER;
  due_ticks = soon ? ticks + 1 : (ticks / 2 + wait) * 2;
}

EXPORT(clock_start) void clock_start(void) {
  tick_ms = port_now();
}

/* Before any call that may start, stop or look at a timer. A tick that must run is left to clock_wake. */
EXPORT(clock_enter) void clock_enter(void) {
  uint32_t fast = elapsed_ticks();
  touched = 1;
  if (armed) fast = LWIP_MIN(fast, due_ticks - ticks - 1);
  if (fast > 0) pass(fast);
}

/* Milliseconds until clock_wake is due, or NEVER. While armed, due_ticks is always ahead of ticks. */
static uint32_t sleep_ms(void) {
  uint32_t timeout_in = LWIP_MIN(LWIP_MIN(timeouts_sleep_ms(), reassembly_sleep_ms()), timewait_sleep_ms());
  if (!armed) return timeout_in;
  int32_t due_in = (int32_t)(tick_ms + (due_ticks - ticks) * TCP_TMR_INTERVAL - port_now());
  return due_in <= 0 ? 0 : LWIP_MIN((uint32_t)due_in, timeout_in);
}

/* After any call: the next tick looks, if a timer may have been started. The result is sleep_ms's. */
EXPORT(clock_leave) uint32_t clock_leave(void) {
  if (tcp_active_pcbs == NULL) {
    armed = 0;
  } else if (touched && (!armed || due_ticks - ticks > 1)) {
    armed = 1;
    due_ticks = ticks + 1;
  }
  touched = 0;
  return sleep_ms();
}

/* When sleep_ms has gone by; sooner does no harm. */
EXPORT(clock_wake) uint32_t clock_wake(void) {
  uint32_t fast = elapsed_ticks();
  timeouts_run();
  reassembly_run();
  timewait_run();
  if (!armed || fast < due_ticks - ticks) return sleep_ms();
  if (fast > 1) pass(fast - 1);
  ticks++;
  tick_ms += TCP_TMR_INTERVAL;
  /*
   * lwIP's retransmission timer must not run beside timeouts.c's. Nor may it end LAST-ACK, in which data may still wait,
   * because nothing has come in since before that began: timeouts.c gives up in time.
   */
  for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next) {
    if (flow_of(pcb) != NULL) flow_catch_up(flow_of(pcb));
    if (pcb->state == LAST_ACK) pcb->tmr = tcp_ticks;
  }
  tcp_fasttmr();
  /* After a late wake a slow tick may just have been passed over: the next one does its work. */
  if (ticks % 2 == 0) tcp_slowtmr();
  plan();
  return sleep_ms();
}
