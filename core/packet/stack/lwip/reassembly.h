/* See reassembly.c. */
#ifndef NTMOBILE_REASSEMBLY_H
#define NTMOBILE_REASSEMBLY_H

#include <stdint.h>

/* Milliseconds until reassembly_run is due, or UINT32_MAX. */
uint32_t reassembly_sleep_ms(void);
void reassembly_run(void);

#endif
