/*
 * A ceiling for the congestion window. Slow start ends at the first loss, and lwIP's opens the window until then: on a
 * path within one host or a LAN that means megabytes towards a UDP socket whose receive buffer, at Linux's default
 * size, holds about 180 packets of 1,200 bytes. Hundreds are lost at once.
 * So the window opens to CEILING_PER_MS for each millisecond of the least round trip: 128 MB/s, more than a process
 * seals, and on the shortest path what such a buffer holds.
 */
#include "window.h"
#include "imports.h"
#include "lwip/priv/tcp_priv.h"

#define CEILING_PER_MS (128u * 1024)
/* So many round trips in a row, all longer than the least by so much, are another path. */
#define OTHER_PATH_TRIPS 16u
#define OTHER_PATH_MS 20u

#define LEAST_MS(pcb) ((pcb)->ext_args[2].data) /* plus one; NULL when not known */
#define TIMED_END(pcb) ((pcb)->ext_args[3].data)
#define TIMED_AT(pcb) ((pcb)->ext_args[4].data) /* plus one; NULL when nothing is being timed */
#define LONG_TRIPS(pcb) ((pcb)->ext_args[5].data)
#define NUMBER(slot) ((uint32_t)(uintptr_t)(slot))
#define SLOT(number) ((void *)(uintptr_t)(number))

static void measured(struct tcp_pcb *pcb, uint32_t trip_ms) {
  uint32_t least = NUMBER(LEAST_MS(pcb));
  uint32_t longer = least > 0 && trip_ms > least - 1 + OTHER_PATH_MS ? NUMBER(LONG_TRIPS(pcb)) + 1 : 0;
  if (least == 0 || trip_ms < least - 1 || longer >= OTHER_PATH_TRIPS) {
    LEAST_MS(pcb) = SLOT(trip_ms + 1);
    longer = 0;
  }
  LONG_TRIPS(pcb) = SLOT(longer);
}

/* A retransmission can only make a trip look longer, never shorter: it is timed from when it was first sent. */
void window_acknowledged(struct tcp_pcb *pcb) {
  if (TIMED_AT(pcb) != NULL && TCP_SEQ_GEQ(pcb->lastack, NUMBER(TIMED_END(pcb)))) {
    measured(pcb, port_now() + 1 - NUMBER(TIMED_AT(pcb)));
    TIMED_AT(pcb) = NULL;
  }
  if (LEAST_MS(pcb) == NULL) return;
  uint64_t ceiling = (uint64_t)CEILING_PER_MS * NUMBER(LEAST_MS(pcb));
  if (pcb->cwnd > ceiling) pcb->cwnd = (tcpwnd_size_t)ceiling;
}

void window_sent(struct tcp_pcb *pcb) {
  if (TIMED_AT(pcb) != NULL || pcb->unacked == NULL) return;
  if (NUMBER(TIMED_END(pcb)) == pcb->snd_nxt) return; /* nothing new was sent */
  TIMED_END(pcb) = SLOT(pcb->snd_nxt);
  TIMED_AT(pcb) = SLOT(port_now() + 1);
}
