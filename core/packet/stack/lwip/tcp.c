/*
 * TCP connections over lwIP's raw API. Read tcp.ts beside it.
 *
 * A pcb (lwIP's protocol control block) carries the id of its connection in callback_arg, 0 once the connection has
 * heard of its end. These functions never call tcp_close: a connection ends by tcp_shutdown of the sending side (so
 * that receiving goes on), by tcp_abort, or by its peer.
 */
#include <string.h>
#include "imports.h"
#include "hooks.h"
#include "flow.h"
#include "timewait.h"
#include "lwip/ip.h"
#include "lwip/priv/tcp_priv.h"

void *scratch_address(void);
uint32_t address_write(const ip_addr_t *address, uint32_t offset);

#define ID(argument) ((uint32_t)(uintptr_t)(argument))
#define ARGUMENT(id) ((void *)(uintptr_t)(id))

/*
 * What a connection may buffer beyond what is out: twice its window, for so much slow start sends when a whole window
 * is acknowledged in one batch, before its owner has the word. Within bounds: thousands of slow receivers shall not fill
 * the 4 GB that wasm can address, and no batch of ACKs let out a burst that the buffers on a path do not hold.
 */
#define UNSENT_LEAST (64u * 1024)
#define UNSENT_MOST (2048u * 1024)

/* ---- events: queued in TypeScript, nothing else happens here ---- */

/* The connection that the packet in process is for, until its pcb is freed. */
static struct tcp_pcb *current;
/*
 * Its MSS as it was; 0 before it is established. lwIP takes that option from any segment, though it is for SYNs alone
 * (RFC 9293 section 3.7.1): a smaller one would leave unsent segments that are larger, which tcp_write asserts against.
 */
static uint16_t current_mss;
/* What `current` has to send, taken away while tcp_input would send it with tcp_output: that is transmit.c's. */
static struct tcp_seg *held;

static void on_error(void *id, err_t error) {
  current = NULL;
  tcp_segs_free(held);
  held = NULL;
  /* ERR_CLSD: LAST-ACK was acknowledged after a tcp_shutdown; lwIP's way to say that the pcb is gone, in order. */
  if (id != NULL) port_finished(ID(id), error == ERR_CLSD ? ERR_OK : error);
}

static err_t on_connected(void *id, struct tcp_pcb *pcb, err_t error) {
  LWIP_UNUSED_ARG(error);
  flow_established(flow_of(pcb));
  port_connected(ID(id));
  return ERR_OK;
}

static err_t on_received(void *id, struct tcp_pcb *pcb, struct pbuf *chain, err_t error) {
  LWIP_UNUSED_ARG(error);
  if (chain != NULL) receiver_hold_ack(flow_of(pcb));
  else receiver_release_ack(flow_of(pcb)); /* a FIN may lead to TIME-WAIT, which has no later */
  if (id != NULL) port_received(ID(id), chain);
  else if (chain != NULL) pbuf_free(chain);
  return ERR_OK;
}

static err_t on_sent(void *id, struct tcp_pcb *pcb, u16_t length) {
  LWIP_UNUSED_ARG(length);
  if (pcb == current && held == NULL) {
    held = pcb->unsent;
    pcb->unsent = NULL;
  }
  if (id != NULL) port_acknowledged(ID(id));
  return ERR_OK;
}

static void observe(struct tcp_pcb *pcb, uint32_t id) {
  tcp_arg(pcb, ARGUMENT(id));
  tcp_recv(pcb, on_received);
  tcp_sent(pcb, on_sent);
  tcp_err(pcb, on_error);
}

static err_t on_accepted(void *listener, struct tcp_pcb *pcb, err_t error) {
  /* lwIP also calls with ERR_MEM and no pcb; the peer's next SYN tries again. */
  if (error != ERR_OK || pcb == NULL || flow_open(pcb) != ERR_OK) return ERR_VAL;
  observe(pcb, port_accepted(ID(listener), pcb));
  flow_established(flow_of(pcb));
  current = pcb;
  return ERR_OK;
}

/*
 * After every packet: sends what it allowed to send, or takes the connection over when it is in TIME-WAIT; lwIP tells
 * of no event when CLOSING becomes that.
 */
EXPORT(tcp_settle) void tcp_settle(void) {
  struct tcp_pcb *pcb = current;
  current = NULL;
  if (pcb == NULL) return;
  if (current_mss > 0) pcb->mss = current_mss;
  if (held != NULL) {
    pcb->unsent = held;
    held = NULL;
  }
  if (pcb->state != TIME_WAIT) {
    flow_settle(pcb);
    return;
  }
  uint32_t id = ID(pcb->callback_arg);
  timewait_take(pcb);
  if (id != 0) port_finished(id, ERR_OK);
}

/*
 * Simultaneous open (RFC 9293 section 3.5, figure 7), of which lwIP knows nothing: the SYN that was sent goes out
 * again with an ACK of the peer's. The peer does the same, and to what it sends then lwIP responds as to the answer of
 * a listener.
 */
static void open_simultaneously(struct tcp_pcb *pcb, const struct tcp_hdr *header) {
  if (pcb->unacked == NULL) return;
  TCPH_SET_FLAG(pcb->unacked->tcphdr, TCP_ACK);
  pcb->rcv_nxt = header->seqno + 1;
  tcp_rexmit(pcb); /* leaves at the end of tcp_input */
}

/*
 * To a peer that may not reach this port it is closed: whatever segment comes, the answer is tcp_input's own for one
 * that is for nobody (RFC 9293 section 3.10.7.1).
 */
static err_t listener_admits(const struct tcp_hdr *header, const struct pbuf *segment) {
  if (port_admits(address_write(ip_current_src_addr(), 0), header->dest)) return ERR_OK;
  uint8_t flags = TCPH_FLAGS(header);
  if (flags & TCP_RST) return ERR_ABRT;
  uint32_t length = segment->tot_len + ((flags & (TCP_SYN | TCP_FIN)) != 0);
  tcp_rst_netif(ip_current_input_netif(), header->ackno, header->seqno + length, ip_current_dest_addr(),
                ip_current_src_addr(), header->dest, header->src);
  return ERR_ABRT;
}

err_t tcp_hook_segment(struct tcp_pcb *pcb, const struct tcp_hdr *header, u16_t options_length, const struct pbuf *segment) {
  tcp_settle(); /* of the packet before, when lwIP processes several in one call (netif_loop) */
  if (pcb->state == LISTEN) return listener_admits(header, segment);
  current = pcb->errf == on_error ? pcb : NULL;
  struct flow *flow = current != NULL ? flow_of(pcb) : NULL;
  current_mss = flow != NULL && flow->peer_mss > 0 ? pcb->mss : 0;
  uint16_t flags = TCPH_FLAGS(header) & (TCP_SYN | TCP_ACK | TCP_RST);
  if (current != NULL && pcb->state == SYN_SENT && flags == TCP_SYN) open_simultaneously(pcb, header);
  if (flow != NULL) flow_note_ack(flow, header, options_length);
  return ERR_OK;
}

/* ---- addresses: 16 bytes in the scratch area, of which IPv4 uses 4 ---- */

void address_read(ip_addr_t *address, uint32_t family, uint32_t offset) {
  memset(address, 0, sizeof *address);
  IP_SET_TYPE(address, family == 4 ? IPADDR_TYPE_V4 : IPADDR_TYPE_V6);
  if (family == 4) memcpy(&ip_2_ip4(address)->addr, (uint8_t *)scratch_address() + offset, 4);
  else memcpy(ip_2_ip6(address)->addr, (uint8_t *)scratch_address() + offset, 16);
}

uint32_t address_write(const ip_addr_t *address, uint32_t offset) {
  uint8_t *at = (uint8_t *)scratch_address() + offset;
  if (IP_IS_V6(address)) memcpy(at, ip_2_ip6(address)->addr, 16);
  else memcpy(at, &ip_2_ip4(address)->addr, 4);
  return IP_IS_V6(address) ? 6 : 4;
}

/* Local address at offset 0, remote at 16; local port in the low half of the result, remote in the high half. */
EXPORT(tcp_endpoints) uint32_t tcp_endpoints(struct tcp_pcb *pcb) {
  address_write(&pcb->local_ip, 0);
  address_write(&pcb->remote_ip, 16);
  return (uint32_t)pcb->local_port | (uint32_t)pcb->remote_port << 16;
}

EXPORT(tcp_family) uint32_t tcp_family(struct tcp_pcb *pcb) {
  return IP_IS_V6_VAL(pcb->remote_ip) ? 6 : 4;
}

/* ---- opening ---- */

/* Remote address at offset 0, local at 16. The pcb, or an err_t below zero. */
EXPORT(tcp_open) int32_t tcp_open(uint32_t id, uint32_t family, uint32_t remote_port, uint32_t local_port) {
  ip_addr_t remote, local;
  address_read(&remote, family, 0);
  address_read(&local, family, 16);
  struct tcp_pcb *pcb = tcp_new_ip_type(IP_GET_TYPE(&remote));
  if (pcb == NULL) return ERR_MEM;
  observe(pcb, id);
  if (flow_open(pcb) != ERR_OK) {
    tcp_arg(pcb, NULL);
    tcp_abort(pcb);
    return ERR_MEM;
  }
  err_t error = tcp_bind(pcb, &local, (u16_t)local_port);
  if (error == ERR_OK) timewait_forget(&remote, pcb->local_port, (u16_t)remote_port);
  if (error == ERR_OK) error = tcp_connect(pcb, &remote, (u16_t)remote_port, on_connected);
  if (error != ERR_OK) {
    tcp_arg(pcb, NULL);
    tcp_abort(pcb);
    return error;
  }
  return (int32_t)(uintptr_t)pcb;
}

/* Local address at offset 0, unless `family` is 46: both, any address. The listening pcb, or an err_t below zero. */
EXPORT(tcp_listen_on) int32_t tcp_listen_on(uint32_t id, uint32_t family, uint32_t port, uint32_t backlog) {
  ip_addr_t local = *IP_ANY_TYPE;
  if (family != 46) address_read(&local, family, 0);
  struct tcp_pcb *pcb = tcp_new_ip_type(IP_GET_TYPE(&local));
  if (pcb == NULL) return ERR_MEM;
  ip_set_option(pcb, SOF_REUSEADDR);
  err_t error = tcp_bind(pcb, &local, (u16_t)port);
  struct tcp_pcb *listener = NULL;
  if (error == ERR_OK) listener = tcp_listen_with_backlog_and_err(pcb, (u8_t)backlog, &error);
  if (listener == NULL) {
    tcp_abort(pcb);
    return error;
  }
  tcp_arg(listener, ARGUMENT(id));
  tcp_accept(listener, on_accepted);
  return (int32_t)(uintptr_t)listener;
}

EXPORT(tcp_listener_port) uint32_t tcp_listener_port(struct tcp_pcb *listener) {
  return listener->local_port;
}

EXPORT(tcp_listener_close) void tcp_listener_close(struct tcp_pcb *listener) {
  tcp_close(listener);
}

/* ---- sending ---- */

static uint32_t queued(const struct tcp_pcb *pcb) {
  return TCP_SND_BUF - pcb->snd_buf;
}

EXPORT(tcp_unacknowledged) uint32_t tcp_unacknowledged(struct tcp_pcb *pcb) {
  return queued(pcb);
}

EXPORT(tcp_writable) uint32_t tcp_writable(struct tcp_pcb *pcb) {
  /* Segments smaller than the MSS run out of queue before they run out of buffer. */
  if (pcb->snd_queuelen > TCP_SND_QUEUELEN - 2 - 65536 / LWIP_MAX(pcb->mss, 64)) return 0;
  const struct flow *flow = flow_of(pcb);
  uint32_t window = LWIP_MIN(pcb->snd_wnd, flow != NULL ? flow->congestion.window : 0);
  uint32_t out = pcb->snd_nxt - pcb->lastack;
  uint32_t unsent = LWIP_MAX(2 * LWIP_MIN(window, UNSENT_MOST / 2), UNSENT_LEAST);
  uint32_t limit = LWIP_MIN(out + unsent, TCP_SND_BUF);
  return limit > queued(pcb) ? limit - queued(pcb) : 0;
}

/*
 * Queues `length` <= 65,535 bytes of the scratch area. Nothing is sent before tcp_flush. tcp_write, which walks the
 * unsent queue to find its end (thousands of segments on a long path), is shown its last segment only. That one stays
 * where it is as long as anything is unsent: all others leave before it.
 */
EXPORT(tcp_enqueue) int32_t tcp_enqueue(struct tcp_pcb *pcb, uint32_t length, uint32_t more) {
  struct flow *flow = flow_of(pcb);
  struct tcp_seg *first = pcb->unsent;
  struct tcp_seg *last = first == NULL ? NULL : flow->last_unsent;
  if (last != NULL && last->len > pcb->mss) return ERR_MEM; /* there was none to cut it (transmit_path_mtu) */
  pcb->unsent = last;
  u8_t flags = TCP_WRITE_FLAG_COPY | (more ? TCP_WRITE_FLAG_MORE : 0);
  err_t error = tcp_write(pcb, scratch_address(), (u16_t)length, flags);
  for (last = pcb->unsent; last != NULL && last->next != NULL;) last = last->next;
  flow->last_unsent = last;
  if (first != NULL) pcb->unsent = first;
  return error;
}

EXPORT(tcp_flush) void tcp_flush(struct tcp_pcb *pcb) {
  transmit(flow_of(pcb));
}

/* A FIN that finds no memory is retried by lwIP's timer (TF_CLOSEPEND). */
EXPORT(tcp_finish) int32_t tcp_finish(struct tcp_pcb *pcb) {
  err_t error = tcp_shutdown(pcb, 0, 1);
  flow_catch_up(flow_of(pcb));
  return error;
}

/* ---- receiving ---- */

EXPORT(tcp_consumed) void tcp_consumed(struct tcp_pcb *pcb, uint32_t length) {
  receiver_consumed(flow_of(pcb), length);
}

/* ---- the rest ---- */

EXPORT(tcp_discard) void tcp_discard(struct tcp_pcb *pcb) {
  tcp_arg(pcb, NULL);
  tcp_abort(pcb);
}

EXPORT(tcp_no_delay) void tcp_no_delay(struct tcp_pcb *pcb, uint32_t enabled) {
  if (!enabled) {
    tcp_nagle_enable(pcb);
    return;
  }
  tcp_nagle_disable(pcb);
  if (flow_of(pcb)->peer_mss > 0) transmit(flow_of(pcb));
}

EXPORT(tcp_keep_alive) void tcp_keep_alive(struct tcp_pcb *pcb, uint32_t enabled, uint32_t idle_ms) {
  if (enabled) ip_set_option(pcb, SOF_KEEPALIVE);
  else ip_reset_option(pcb, SOF_KEEPALIVE);
  if (idle_ms > 0) pcb->keep_idle = idle_ms;
  /* What libuv sets beside the idle time: a probe a second, ten of them. */
  pcb->keep_intvl = 1000;
  pcb->keep_cnt = 10;
}

/* The largest IP packet, in bytes, that the path of this connection carries. */
EXPORT(tcp_path_mtu) void tcp_path_mtu(struct tcp_pcb *pcb, uint32_t mtu) {
  flow_set_path_mtu(flow_of(pcb), mtu);
}

/* Frees every pcb, also those in TIME-WAIT and those not accepted yet. */
EXPORT(tcp_close_all) void tcp_close_all(void) {
  while (tcp_listen_pcbs.pcbs != NULL) tcp_close(tcp_listen_pcbs.pcbs);
  while (tcp_active_pcbs != NULL) tcp_discard(tcp_active_pcbs);
  while (tcp_bound_pcbs != NULL) tcp_discard(tcp_bound_pcbs);
  timewait_forget_all();
}
