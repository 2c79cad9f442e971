/*
 * lwIP's options, where they differ from its defaults (lwip/opt.h). It serves one interface, the virtual one:
 * point to point, addresses given by the DC, packets already authenticated by the tunnel.
 */
#ifndef NTMOBILE_LWIPOPTS_H
#define NTMOBILE_LWIPOPTS_H

/* ---- no operating system: the raw API, one thread, every call from stack.ts ---- */
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_STATS 0
#define LWIP_HOOK_FILENAME "hooks.h"

/* clock.c drives TCP's two timers itself, so that a quiet stack never wakes the process. */
#define LWIP_TIMERS 0

/* ---- memory: the heap for everything, so the number of sockets is not fixed; heap.c counts it ---- */
#define MEM_CUSTOM_ALLOCATOR 1
#define MEM_CUSTOM_MALLOC heap_malloc
#define MEM_CUSTOM_CALLOC heap_calloc
#define MEM_CUSTOM_FREE heap_free
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8
#include <stddef.h>
void *heap_malloc(size_t size);
void *heap_calloc(size_t count, size_t size);
void heap_free(void *block);

/* ---- IP: one interface, no neighbours to discover ---- */
#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_SINGLE_NETIF 1
#define LWIP_ARP 0
#define LWIP_ETHERNET 0
#define LWIP_DHCP 0
#define LWIP_AUTOIP 0
#define LWIP_IGMP 0
#define LWIP_DNS 0
#define LWIP_RAW 0
#define LWIP_IPV6_MLD 0
#define LWIP_IPV6_AUTOCONFIG 0
#define LWIP_IPV6_SEND_ROUTER_SOLICIT 0
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS 0
#define LWIP_IPV6_SCOPES 0
#define LWIP_IPV6_NUM_ADDRESSES 1
#define LWIP_ND6_QUEUEING 0
#define LWIP_ND6_NUM_NEIGHBORS 1
#define LWIP_ND6_NUM_DESTINATIONS 1
#define LWIP_ND6_NUM_PREFIXES 1
#define LWIP_ND6_NUM_ROUTERS 1
#define LWIP_ND6_ALLOW_RA_UPDATES 0
#define LWIP_ND6_TCP_REACHABILITY_HINTS 0
#define IP_OPTIONS_ALLOWED 0
/* For UDP and echoes; TCP's segments fit the MTU. All that waits for its rest is bounded by these, in pbufs and seconds. */
#define IP_REASSEMBLY 1
#define IP_FRAG 1
#define LWIP_IPV6_REASS 1
#define LWIP_IPV6_FRAG 1
#define IP_REASS_MAX_PBUFS 512
#define IP_REASS_MAXAGE 15
#define IPV6_REASS_MAXAGE IP_REASS_MAXAGE
/* A node may dial its own name. */
#define LWIP_NETIF_LOOPBACK 1
#define LWIP_HAVE_LOOPIF 0

#define LWIP_ICMP 1
#define LWIP_ICMP6 1
#define LWIP_UDP 1

/*
 * ---- checksums ----
 * Written on the way out, because the correspondent node may be any WireGuard with a kernel's TCP behind it.
 * Not verified on the way in: Poly1305 has just authenticated every byte, end to end, and far more strongly.
 */
#define LWIP_CHECKSUM_ON_COPY 1
#define CHECKSUM_CHECK_IP 0
#define CHECKSUM_CHECK_UDP 0
#define CHECKSUM_CHECK_TCP 0
#define CHECKSUM_CHECK_ICMP 0
#define CHECKSUM_CHECK_ICMP6 0
#define LWIP_CHKSUM checksum
unsigned short checksum(const void *bytes, int length);

/* ---- TCP ---- */
/* Upper bound only (lwIP allows no more than 16,382): the MTU of the interface decides (RFC 1122, 4.2.2.6). */
#define TCP_MSS 16376
#define TCP_CALCULATE_EFF_SEND_MSS 1
/* 250 ms x 1 Gbit/s = 32 MB in flight, both ways; 2^9 * 65,535 is the next larger scaled window (RFC 7323). */
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 9
#define TCP_WND (32000 * 1024)
#define TCP_SND_BUF (32000 * 1024)
#define TCP_SND_QUEUELEN 0xffff
/* For the sockets API only, which is not built; lwIP's checks relate it to TCP_MSS all the same. */
#define TCP_SNDLOWAT 1
/*
 * Tell the peer of an opened window in steps of an eighth of the window that this connection really has (65,535
 * without scaling), at most 64 KiB: `pcb` is tcp_recved's. lwIP's own 4 * TCP_MSS would exceed a small window.
 */
#define TCP_WND_UPDATE_THRESHOLD LWIP_MIN(TCP_WND_MAX(pcb) / 8, 65536)
#define TCP_QUEUE_OOSEQ 1
#define LWIP_TCP_SACK_OUT 1
/* Twelve bytes a segment, and lwIP uses them neither to measure (RFC 7323, 4) nor to protect (5). */
#define LWIP_TCP_TIMESTAMPS 0
#define TCP_LISTEN_BACKLOG 1
/* The flow of a connection: see flow.h. */
#define LWIP_TCP_PCB_NUM_EXT_ARGS 1
/* Segments are contiguous, so that the tunnel can seal a packet where it lies. */
#define LWIP_NETIF_TX_SINGLE_PBUF 1

/*
 * SO_REUSEADDR is set on listeners, as libuv does: connections left over from an earlier listener (TIME-WAIT
 * included) do not make its port busy. Two listeners on one port are refused in tcp.ts.
 */
#define SO_REUSE 1

/*
 * lwIP counts retransmission time in units of two TCP_TMR_INTERVALs: 50 ms here, 500 ms by default. Its estimator
 * never goes below three units, so 150 ms is the least RTO; a delayed ACK leaves after 25 ms at most.
 */
#define TCP_TMR_INTERVAL 25
/* RFC 6298, 2.1: one second until the round trip is known. */
#define LWIP_TCP_RTO_TIME 1000
/*
 * How often a segment is sent again. init.c refuses more than the 12 steps of tcp.c's back-off table, though tcp.c
 * stays at the last step by itself; an enumeration is not seen by the preprocessor, so it lets these pass.
 */
enum { stack_syn_retransmissions = 30, stack_retransmissions = 52 };
/* A SYN every second (lwIP does not back these off) for half a minute. */
#define TCP_SYNMAXRTX stack_syn_retransmissions
/*
 * A connection outlives a long loss of the network (a tunnel, a lift, a suspended laptop): with the RTO stopped at
 * 2^7 times its base this is 15 minutes at the least RTO, as Linux's tcp_retries2 gives (RFC 1122, 4.2.3.5).
 */
#define TCP_MAXRTX stack_retransmissions
/* 2 MSL = 60 s, the usual TIME-WAIT. */
#define TCP_MSL 30000UL
#define LWIP_TCP_KEEPALIVE 1

/*
 * Ports 32,768 and up, as Linux does: lwIP's 16,384 are few when each waits 60 s. lwIP begins at one after a random
 * port; with 65,535 that would be 0, which it takes for "none is free".
 */
#define TCP_LOCAL_PORT_RANGE_START 0x8000
#define TCP_LOCAL_PORT_RANGE_END 0xffff
#define TCP_ENSURE_LOCAL_PORT_RANGE(port) ((u16_t)(0x8000 | ((port) & 0x7ffe)))

#endif
