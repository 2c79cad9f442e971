/*
 * UDP sockets over lwIP's raw API. Read udp-sockets.ts beside it. A socket's id is its pcb's recv_arg.
 *
 * In the scratch area: addresses at 0 and 16 (IPv4 uses 4 bytes), what is to be sent at 32.
 */
#include <string.h>
#include "imports.h"
#include "lwip/icmp.h"
#include "lwip/netif.h"
#include "lwip/udp.h"

#define PAYLOAD 32

void *scratch_address(void);
void netif_limit(uint32_t mtu);
void netif_unlimit(void);
void address_read(ip_addr_t *address, uint32_t family, uint32_t offset);
uint32_t address_write(const ip_addr_t *address, uint32_t offset);

/*
 * Sender at 0 of the scratch area, the address that it was sent to at 16. Whoever may not reach the socket hears what
 * udp_input tells of a port that is closed.
 */
static void on_datagram(void *id, struct udp_pcb *pcb, struct pbuf *chain, const ip_addr_t *from, u16_t port) {
  LWIP_UNUSED_ARG(pcb);
  uint32_t family = address_write(from, 0);
  address_write(ip_current_dest_addr(), 16);
  if (port_datagram((uint32_t)(uintptr_t)id, chain, family, port)) return;
  pbuf_header_force(chain, (s16_t)(ip_current_header_tot_len() + UDP_HLEN));
  icmp_port_unreach(ip_current_is_v6(), chain);
  pbuf_free(chain);
}

/* Local address at 0, unless `family` is 46: both, any address. The pcb, or an err_t below zero. */
EXPORT(udp_open) int32_t udp_open(uint32_t id, uint32_t family, uint32_t port) {
  ip_addr_t local = *IP_ANY_TYPE;
  if (family != 46) address_read(&local, family, 0);
  struct udp_pcb *pcb = udp_new_ip_type(IP_GET_TYPE(&local));
  if (pcb == NULL) return ERR_MEM;
  err_t error = udp_bind(pcb, &local, (u16_t)port);
  if (error != ERR_OK) {
    udp_remove(pcb);
    return error;
  }
  udp_recv(pcb, on_datagram, (void *)(uintptr_t)id);
  return (int32_t)(uintptr_t)pcb;
}

EXPORT(udp_port) uint32_t udp_port(struct udp_pcb *pcb) {
  return pcb->local_port;
}

/* Receiver at 0. `mtu`: of the path; what is larger leaves in fragments. */
EXPORT(udp_send_to) int32_t udp_send_to(struct udp_pcb *pcb, uint32_t family, uint32_t port, uint32_t length, uint32_t mtu) {
  ip_addr_t to;
  address_read(&to, family, 0);
  struct pbuf *datagram = pbuf_alloc(PBUF_TRANSPORT, (u16_t)length, PBUF_RAM);
  if (datagram == NULL) return ERR_MEM;
  memcpy(datagram->payload, (uint8_t *)scratch_address() + PAYLOAD, length);
  netif_limit(mtu);
  err_t error = udp_sendto(pcb, datagram, &to, (u16_t)port);
  netif_unlimit();
  pbuf_free(datagram);
  return error;
}

EXPORT(udp_close) void udp_close(struct udp_pcb *pcb) {
  udp_remove(pcb);
}

/* The stack ends. */
EXPORT(udp_close_all) void udp_close_all(void) {
  while (udp_pcbs != NULL) udp_remove(udp_pcbs);
}
