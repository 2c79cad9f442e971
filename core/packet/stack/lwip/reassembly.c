/*
 * The timer of lwIP's reassembly (RFC 791 section 3.2, RFC 8200 section 4.5), which runs once a second and only while
 * something may be incomplete: as long after the last fragment as lwIP keeps it.
 */
#include "imports.h"
#include "reassembly.h"
#include "lwip/ip4_frag.h"
#include "lwip/ip6_frag.h"

#define NEVER 0xffffffffu
#define SECOND_MS 1000u

static uint32_t seconds_left;
static uint32_t due_ms;

/* A fragment comes in. */
EXPORT(reassembly_note) void reassembly_note(void) {
  if (seconds_left == 0) due_ms = port_now() + SECOND_MS;
  seconds_left = IP_REASS_MAXAGE + 2;
}

uint32_t reassembly_sleep_ms(void) {
  if (seconds_left == 0) return NEVER;
  int32_t left_ms = (int32_t)(due_ms - port_now());
  return left_ms < 0 ? 0 : (uint32_t)left_ms;
}

void reassembly_run(void) {
  if (seconds_left == 0 || (int32_t)(due_ms - port_now()) > 0) return;
  due_ms += SECOND_MS;
  seconds_left--;
  ip_reass_tmr();
  ip6_reass_tmr();
}

/* The stack ends: what is incomplete is given back. */
EXPORT(reassembly_close) void reassembly_close(void) {
  for (uint32_t i = 0; i < IP_REASS_MAXAGE + 2; i++) {
    ip_reass_tmr();
    ip6_reass_tmr();
  }
}
