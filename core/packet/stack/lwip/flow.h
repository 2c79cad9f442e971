/*
 * What a connection keeps beside lwIP's pcb: lwIP has TCP's states, queues and headers, a flow has the rest of modern
 * TCP. It hangs on the pcb (ext_args) from the opening until the pcb is freed or in TIME-WAIT.
 *
 *   scoreboard.c   which sent segments are delivered (ACK, SACK), lost, sent again
 *   recovery.c     what an ACK means: RACK, PRR, undoing (RFC 8985, RFC 6937)
 *   congestion.c   how much may be in flight: CUBIC, HyStart++ (RFC 9438, RFC 9406)
 *   timeouts.c     tail loss probe, retransmission timeout (RFC 8985 section 7, RFC 6298)
 *   transmit.c     tcp_output and retransmissions
 *   path.c         another path than before
 *   receiver.c     receive window, ACKs (RFC 9293 section 3.8.6.3)
 *
 *   segment in -> tcp_hook_segment: flow_note_ack -> lwIP -> tcp_settle: flow_acknowledged -> transmit -> set timer
 *
 * lwIP's own counterparts stay idle: rtime is -1 (no retransmission timer), dupacks never grows (they are counted
 * only while that timer runs), and pcb->cwnd is not a congestion window but what transmit.c lets tcp_output send.
 */
#ifndef NTMOBILE_FLOW_H
#define NTMOBILE_FLOW_H

#include "imports.h"
#include "lwip/priv/tcp_priv.h"

/* Flags of a sent segment. In flight is one that is neither SACKED nor LOST. */
enum {
  SACKED = 1, /* the peer has it */
  LOST = 2,   /* deemed lost, and not sent again yet */
  RESENT = 4, /* sent more than once */
};

struct sent {
  struct tcp_seg *segment; /* in pcb->unacked */
  uint32_t end;            /* sequence number behind it */
  uint32_t at_us;          /* when it was sent last */
  uint32_t order;          /* the how manieth transmission of the connection that was */
  uint16_t length;         /* sequence numbers that it covers */
  uint8_t flags;
};

struct block {
  uint32_t left, right; /* sequence numbers; right is behind the last */
};

#define SACK_BLOCKS 4
/* So soon at least a tail is probed on a path of which no round trip is known: longer than most take. */
#define LEAST_GUESS_US 100000u
/* So long at most the old path is waited for, of one that still delivers. */
#define OVERLAP_MOST_US 1000000u

struct congestion {
  uint32_t window, threshold; /* bytes: cwnd, ssthresh */
  /* CUBIC, in segments and seconds */
  double w_max, w_est, k, epoch;
  uint8_t in_epoch;
  /* HyStart++ */
  uint8_t samples, cautious_rounds, long_rounds;
  uint32_t round_end, round_least_us, last_round_us, baseline_us;
  /* losses of the medium: the least round trip ever on this path; bytes of late, older ones counting less and less */
  uint32_t base_us, lost, delivered;
  uint8_t lossy;
};

enum phase {
  OPEN,       /* nothing is known to be lost */
  RECOVERING, /* RACK found losses: the window is reduced once, by PRR, if they tell of congestion */
  COLLAPSED,  /* a timeout took everything in flight for lost: slow start */
};

enum timer { IDLE, REORDERING, PROBE, TIMEOUT };

struct flow {
  struct tcp_pcb *pcb;
  uint16_t peer_mss; /* what the peer's SYN allows; 0 before */
  uint16_t path_mtu; /* the largest IP packet to the peer */

  /* scoreboard.c: a ring of what was sent and is not acknowledged, in order of sequence numbers */
  struct sent *ring;
  uint32_t capacity, head, count;
  uint32_t transmissions;
  uint32_t in_flight, lost; /* bytes */
  uint32_t sacked_count;
  uint32_t first_lost; /* no entry before this index is LOST */
  uint32_t highest;    /* behind the highest sequence number known to be delivered */
  struct block known[SACK_BLOCKS]; /* the SACK blocks of the ACK before */

  /* the round trip; 0 when not measured */
  uint32_t srtt_us, variance_us, least_us, least_at_us, sample_us;

  /* recovery.c: of the delivered segments, the one that was sent last */
  uint8_t newest_known;
  uint32_t newest_order, newest_rtt_us;
  uint32_t credit; /* bytes that the ACK in process says were delivered by this path */
  uint8_t reordering;       /* was seen on this path */
  uint8_t reordering_steps; /* of a quarter of the least round trip, to wait */
  uint8_t reordering_rounds; /* recoveries that these steps are still good for */
  enum phase phase;
  uint8_t reducing; /* the window comes down in this recovery */
  uint32_t recovery_end;
  uint32_t prr_delivered, prr_sent, prr_flight;
  uint32_t resent, spurious; /* segments sent again in this recovery, and those of them that had arrived before */
  uint32_t undo_window, undo_threshold;
  double undo_w_max;
  uint8_t tells_duplicates; /* the peer sends D-SACK */
  uint8_t undone, misled;   /* since the last measured round trip: a recovery was, and a timeout followed */

  /* path.c: what was sent up to this order went by the path before; all of that is acknowledged when this is */
  uint8_t mixed;
  uint32_t path_order, path_end;
  /* It has until then to arrive, while `overlaps`; else it is lost. */
  uint8_t overlaps;
  uint32_t overlap_until_us;
  uint32_t guess_us; /* until a tail is probed while srtt_us is 0; 0 on the first path */

  /* timeouts.c */
  enum timer timer;
  uint32_t due_us;
  uint32_t reordering_us; /* RACK's wait for the rest, 0 for none */
  uint32_t since_us;      /* when the retransmission timer was started */
  uint32_t sent_us;       /* when something was sent last */
  uint8_t backoff, late, probing, probe_resent;
  uint32_t probe_end, probe_us;
  uint32_t silent_since_us; /* the first of timeouts in a row */

  uint8_t limited; /* the congestion window held something back */
  uint32_t small_end; /* behind the last segment that was sent and is not full */
  struct tcp_seg *last_unsent; /* while any is; behind it only a FIN of its own */
  struct congestion congestion;

  /* receiver.c */
  uint32_t window, consumed; /* consumed since the window grew */
  uint8_t held_acks, gap; /* something was missing before the segment in process */
  struct flow *next_held;
};

/* Of all flows since the stack was started, for those who want to see (tcp_counters). */
struct flow_counters {
  uint32_t retransmitted; /* segments */
  uint32_t needless;      /* of them, those that had arrived before */
  uint32_t probes, timeouts;
};
extern struct flow_counters flow_counters;

/* ---- flow.c ---- */
struct flow *flow_of(const struct tcp_pcb *pcb);
err_t flow_open(struct tcp_pcb *pcb);
void flow_established(struct flow *flow);
void flow_close(struct tcp_pcb *pcb);
/* In the hook, before lwIP sees the segment; and after lwIP has processed it. */
void flow_note_ack(struct flow *flow, const struct tcp_hdr *header, uint32_t options_length);
void flow_settle(struct tcp_pcb *pcb);
/* After lwIP's timers, which may have sent something by themselves. */
void flow_catch_up(struct flow *flow);
int flow_by_path_before(const struct flow *flow, const struct sent *sent);
void flow_set_path_mtu(struct flow *flow, uint32_t mtu);
uint32_t flow_now_us(void);
uint32_t flow_mss(const struct flow *flow);

/* ---- scoreboard.c ---- */
struct sent *scoreboard_at(const struct flow *flow, uint32_t index);
void scoreboard_clear(struct flow *flow);
/* Takes in what lwIP has appended to pcb->unacked. False when out of memory: those segments are not tracked yet. */
int scoreboard_track(struct flow *flow, uint32_t now_us);
/* Both return the bytes that are newly known to be delivered. */
uint32_t scoreboard_acknowledge(struct flow *flow, uint32_t now_us);
uint32_t scoreboard_sack(struct flow *flow, const struct block *blocks, uint32_t count, uint32_t now_us);
void scoreboard_lose(struct flow *flow, uint32_t index);
void scoreboard_lose_all(struct flow *flow);
void scoreboard_lose_none(struct flow *flow);
void scoreboard_resent(struct flow *flow, struct sent *sent, uint32_t now_us);
/* Whether there is memory for one entry more. */
int scoreboard_has_room(struct flow *flow);
/* Makes an entry of its own of what is behind the first `length` bytes of a segment; there is room. */
void scoreboard_split(struct flow *flow, uint32_t index, struct tcp_seg *rest, uint16_t length);

/* ---- recovery.c ---- */
void recovery_delivered(struct flow *flow, const struct sent *sent, uint32_t highest, uint32_t now_us);
void recovery_acknowledged(struct flow *flow, uint32_t delivered, uint32_t duplicates, uint32_t now_us);
void recovery_look_for_losses(struct flow *flow, uint32_t now_us);
void recovery_collapse(struct flow *flow);

/* ---- congestion.c ---- */
void congestion_start(struct flow *flow);
void congestion_delivered(struct flow *flow, uint32_t bytes);
void congestion_sample(struct flow *flow, uint32_t rtt_us);
/* Whether what is lost now was lost in a full queue, and not by a bad medium. */
int congestion_is_it(const struct flow *flow);
void congestion_reduce(struct flow *flow);
/* Much has to be sent again at once: no more than an initial window of it, and then as it is acknowledged. */
void congestion_restart(struct flow *flow);
void congestion_idle(struct flow *flow, uint32_t idle_us);

/* ---- timeouts.c ---- */
void timeouts_set(struct flow *flow, uint32_t now_us);
void timeouts_sample(struct flow *flow, uint32_t rtt_us);
uint32_t timeouts_rto_us(const struct flow *flow);
/* Milliseconds until timeouts_run is due, or UINT32_MAX. */
uint32_t timeouts_sleep_ms(void);
void timeouts_run(void);

/* ---- transmit.c ---- */
void transmit(struct flow *flow);
void transmit_again(struct flow *flow, uint32_t index);
/* One segment more than the congestion window allows. False when there is none. */
int transmit_one_more(struct flow *flow);
void transmit_path_mtu(struct flow *flow, uint32_t mtu);

/* ---- receiver.c ---- */
void receiver_established(struct flow *flow);
void receiver_consumed(struct flow *flow, uint32_t length);
/* In on_received: takes the ACK that lwIP is about to send, to be sent at the end of the batch. */
void receiver_hold_ack(struct flow *flow);
/* Lets lwIP send it after all. */
void receiver_release_ack(struct flow *flow);
void receiver_forget(struct flow *flow);

#endif
