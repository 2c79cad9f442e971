/*
 * The virtual interface: IP packets in from the tunnels, IP packets out to them. Read netif.ts beside it.
 * There is no link layer: lwIP hands every packet for a correspondent node to `output`, whichever its address.
 */
#include <string.h>
#include "imports.h"
#include "lwip/icmp6.h"
#include "lwip/init.h"
#include "lwip/ip.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/prot/ip6.h"
#include "timewait.h"

/* The largest packet that TCP makes: lwIP's largest segment, with IPv6's header. */
#define RECEIVE_MTU (TCP_MSS + 60)

/* Bytes on their way between TypeScript and C: addresses in, data to write in, endpoints out. */
static uint8_t scratch[65536 + 64] __attribute__((aligned(16)));
static uint8_t flattened[65535];
static struct netif interface;
/* Until a path's own is known. */
static uint16_t default_path_mtu;

uint16_t netif_default_path_mtu(void) {
  return default_path_mtu;
}

EXPORT(scratch_address) void *scratch_address(void) {
  return scratch;
}

static err_t send_packet(struct pbuf *packet) {
  if (packet->next == NULL) {
    port_output(packet->payload, packet->len);
  } else {
    port_output(flattened, pbuf_copy_partial(packet, flattened, packet->tot_len, 0));
  }
  return ERR_OK;
}

static err_t output_ip4(struct netif *netif, struct pbuf *packet, const ip4_addr_t *next_hop) {
  LWIP_UNUSED_ARG(netif);
  LWIP_UNUSED_ARG(next_hop);
  return send_packet(packet);
}

static err_t output_ip6(struct netif *netif, struct pbuf *packet, const ip6_addr_t *next_hop) {
  LWIP_UNUSED_ARG(netif);
  LWIP_UNUSED_ARG(next_hop);
  return send_packet(packet);
}

static err_t initialize(struct netif *netif) {
  netif->name[0] = 'n';
  netif->name[1] = 't';
  netif->output = output_ip4;
  netif->output_ip6 = output_ip6;
  netif->mtu = RECEIVE_MTU;
  return ERR_OK;
}

EXPORT(netif_start) void netif_start(void) {
  lwip_init();
  netif_add_noaddr(&interface, NULL, initialize, ip_input);
  netif_set_default(&interface);
  netif_set_link_up(&interface);
}

/*
 * The scratch area holds 4 bytes of IPv4, then 16 of IPv6. `mtu` is for paths whose own is not known; what may be
 * received, and is told to peers as the MSS, is not limited by it: every sender knows its path. Connections from an address that goes away are aborted.
 */
EXPORT(netif_configure) void netif_configure(uint32_t mtu) {
  ip4_addr_t ip4, mask;
  ip6_addr_t ip6;
  memcpy(&ip4.addr, scratch, 4);
  memcpy(ip6.addr, scratch + 4, 16);
  /* A mask of /32: no packet is for a broadcast address, and every one takes the default route. */
  mask.addr = 0xffffffffu;
  netif_set_up(&interface);
  netif_set_addr(&interface, &ip4, &mask, IP4_ADDR_ANY4);
  netif_ip6_addr_set(&interface, 0, &ip6);
  timewait_forget_all();
  netif_ip6_addr_set_state(&interface, 0, IP6_ADDR_PREFERRED);
  netif_mtu6(&interface) = RECEIVE_MTU;
  default_path_mtu = (uint16_t)mtu;
}

/* While a datagram is sent: what is larger than this leaves in fragments. */
void netif_limit(uint32_t mtu) {
  interface.mtu = (u16_t)mtu;
  netif_mtu6(&interface) = (u16_t)mtu;
}

void netif_unlimit(void) {
  netif_limit(RECEIVE_MTU);
}

/* A place for an incoming packet, to be filled and then handed to netif_input. NULL when out of memory. */
EXPORT(netif_reserve) struct pbuf *netif_reserve(uint32_t length) {
  return pbuf_alloc(PBUF_RAW, (u16_t)length, PBUF_RAM);
}

EXPORT(netif_input) void netif_input_packet(struct pbuf *packet) {
  if (timewait_input(packet) || ip_input(packet, &interface) != ERR_OK) pbuf_free(packet);
}

/* Packets of the node to itself, queued by lwIP until now (LWIP_NETIF_LOOPBACK). */
EXPORT(netif_loop) void netif_loop(void) {
  netif_poll(&interface);
}

EXPORT(netif_has_loop) int32_t netif_has_loop(void) {
  return interface.loop_first != NULL;
}

EXPORT(pbuf_next) struct pbuf *pbuf_next(struct pbuf *chain) {
  return chain->next;
}

EXPORT(pbuf_payload) void *pbuf_payload(struct pbuf *chain) {
  return chain->payload;
}

EXPORT(pbuf_length) uint32_t pbuf_length(struct pbuf *chain) {
  return chain->len;
}

EXPORT(pbuf_release) void pbuf_release(struct pbuf *chain) {
  pbuf_free(chain);
}
