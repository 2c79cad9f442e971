/* tcp_output for large windows: see output.c. */
#ifndef NTMOBILE_OUTPUT_H
#define NTMOBILE_OUTPUT_H

struct tcp_pcb;

void output_queued(struct tcp_pcb *pcb);

#endif
