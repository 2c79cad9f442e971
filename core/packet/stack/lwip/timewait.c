/*
 * TIME-WAIT (RFC 9293 section 3.6.1), taken over from lwIP when a connection gets there. lwIP keeps a pcb and a port
 * for each, looks through all of them for every handshake, and refuses the peer's next connection from the same port,
 * so that some ten thousand short connections a minute are its end.
 *
 * The peer's next connection may come at once when its sequence numbers are beyond the last one's (RFC 1122,
 * 4.2.2.13), which flow_first_sequence sees to at the other end; and this end's next one may use the port again.
 *
 * A ring in the order of their ends, and chains by hash. One that goes before its time leaves a hole in the ring.
 */
#include <string.h>
#include "imports.h"
#include "lwip/priv/tcp_priv.h"
#include "timewait.h"

#define LIFETIME_MS (2 * TCP_MSL)
#define FIRST_CAPACITY 64u
/* Of more, the oldest is forgotten: 2.5 MB. */
#define MOST 32768u
#define NEVER 0xffffffffu

struct waiting {
  ip_addr_t local, remote;
  uint16_t local_port, remote_port; /* no local port: a hole */
  uint32_t sent, received;          /* sequence numbers: SND.NXT, RCV.NXT */
  uint32_t until_ms;
  uint32_t next; /* in its chain: an index plus 1, or 0 */
};

void *heap_calloc(size_t count, size_t size);
void heap_free(void *block);

static struct waiting *ring;
static uint32_t *chains;
static uint32_t capacity; /* of both, a power of two */
static uint32_t first, used;

static struct waiting *at(uint32_t place) {
  return &ring[(first + place) & (capacity - 1)];
}

static uint32_t *chain_of(const ip_addr_t *remote, uint16_t local_port, uint16_t remote_port) {
  uint32_t address = IP_IS_V6(remote) ? ip_2_ip6(remote)->addr[3] : ip_2_ip4(remote)->addr;
  uint32_t hash = ((uint32_t)local_port << 16 ^ remote_port ^ address) * 0x9e3779b1u;
  return &chains[hash >> 16 & (capacity - 1)];
}

static struct waiting *find(const ip_addr_t *remote, uint16_t local_port, uint16_t remote_port) {
  if (used == 0) return NULL;
  for (uint32_t i = *chain_of(remote, local_port, remote_port); i != 0; i = ring[i - 1].next) {
    struct waiting *waiting = &ring[i - 1];
    if (waiting->local_port == local_port && waiting->remote_port == remote_port &&
        ip_addr_eq(&waiting->remote, remote)) {
      return waiting;
    }
  }
  return NULL;
}

static void link(struct waiting *waiting) {
  uint32_t *chain = chain_of(&waiting->remote, waiting->local_port, waiting->remote_port);
  waiting->next = *chain;
  *chain = (uint32_t)(waiting - ring) + 1;
}

static void make_hole(struct waiting *waiting) {
  uint32_t *from = chain_of(&waiting->remote, waiting->local_port, waiting->remote_port);
  while (*from != (uint32_t)(waiting - ring) + 1) from = &ring[*from - 1].next;
  *from = waiting->next;
  waiting->local_port = 0;
}

static void drop_first(void) {
  if (at(0)->local_port != 0) make_hole(at(0));
  first = (first + 1) & (capacity - 1);
  used--;
}

static void expire(uint32_t now_ms) {
  while (used > 0 && (at(0)->local_port == 0 || (int32_t)(now_ms - at(0)->until_ms) >= 0)) drop_first();
}

void timewait_forget_all(void) {
  heap_free(ring);
  heap_free(chains);
  ring = NULL;
  chains = NULL;
  capacity = first = used = 0;
}

/* False when out of memory. */
static int grow(void) {
  uint32_t more = capacity == 0 ? FIRST_CAPACITY : capacity * 2;
  struct waiting *new_ring = heap_calloc(more, sizeof *new_ring);
  uint32_t *new_chains = heap_calloc(more, sizeof *new_chains);
  if (new_ring == NULL || new_chains == NULL) {
    heap_free(new_ring);
    heap_free(new_chains);
    return 0;
  }
  uint32_t kept = 0;
  for (uint32_t i = 0; i < used; i++) {
    if (at(i)->local_port != 0) new_ring[kept++] = *at(i);
  }
  timewait_forget_all();
  ring = new_ring;
  chains = new_chains;
  capacity = more;
  used = kept;
  for (uint32_t i = 0; i < used; i++) link(&ring[i]);
  return 1;
}

static void add(struct waiting waiting) {
  uint32_t now_ms = port_now();
  expire(now_ms);
  if (used == capacity && (capacity == MOST || !grow())) {
    if (capacity == 0) return;
    drop_first();
  }
  waiting.until_ms = now_ms + LIFETIME_MS;
  *at(used) = waiting;
  link(at(used++));
}

void timewait_take(struct tcp_pcb *pcb) {
  struct waiting waiting = {
    .local_port = pcb->local_port,
    .remote_port = pcb->remote_port,
    .sent = pcb->snd_nxt,
    .received = pcb->rcv_nxt,
  };
  ip_addr_copy(waiting.local, pcb->local_ip);
  ip_addr_copy(waiting.remote, pcb->remote_ip);
  timewait_forget(&waiting.remote, waiting.local_port, waiting.remote_port);
  tcp_abort(pcb); /* in this state it is freed, and nothing is sent */
  add(waiting);
}

void timewait_forget(const ip_addr_t *remote, uint16_t local_port, uint16_t remote_port) {
  struct waiting *waiting = find(remote, local_port, remote_port);
  if (waiting != NULL) make_hole(waiting);
}

static void acknowledge(const struct waiting *waiting) {
  struct tcp_pcb pcb;
  memset(&pcb, 0, sizeof pcb);
  ip_addr_copy(pcb.local_ip, waiting->local);
  ip_addr_copy(pcb.remote_ip, waiting->remote);
  pcb.local_port = waiting->local_port;
  pcb.remote_port = waiting->remote_port;
  pcb.snd_nxt = waiting->sent;
  pcb.rcv_nxt = waiting->received;
  pcb.ttl = TCP_TTL;
  tcp_send_empty_ack(&pcb);
}

/* RFC 9293 section 3.10.7.4, for TIME-WAIT; a reset does not end it (RFC 1337). */
static int receive(struct waiting *waiting, const struct tcp_hdr *header, uint32_t payload) {
  uint16_t flags = TCPH_FLAGS(header);
  if (flags & TCP_RST) return 1;
  int opens = (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
  if (opens && TCP_SEQ_GT(lwip_ntohl(header->seqno), waiting->received)) {
    make_hole(waiting);
    return 0;
  }
  if (payload == 0 && !(flags & (TCP_SYN | TCP_FIN))) return 1;
  struct waiting copy = *waiting;
  if (flags & TCP_FIN) {
    make_hole(waiting);
    add(copy);
  }
  acknowledge(&copy);
  return 1;
}

int timewait_input(const struct pbuf *packet) {
  if (used == 0) return 0;
  const uint8_t *ip = packet->payload;
  int v6 = ip[0] >> 4 == 6;
  uint32_t ip_length = v6 ? IP6_HLEN : IP_HLEN;
  if ((v6 ? ip[6] : ip[9]) != IP_PROTO_TCP || packet->len < ip_length + TCP_HLEN) return 0;
  const struct tcp_hdr *header = (const struct tcp_hdr *)(ip + ip_length);
  uint32_t headers = ip_length + TCPH_HDRLEN_BYTES(header);
  if (headers > packet->len) return 0;
  ip_addr_t remote;
  memset(&remote, 0, sizeof remote);
  IP_SET_TYPE(&remote, v6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4);
  if (v6) memcpy(ip_2_ip6(&remote)->addr, ip + 8, 16);
  else memcpy(&ip_2_ip4(&remote)->addr, ip + 12, 4);
  struct waiting *waiting = find(&remote, lwip_ntohs(header->dest), lwip_ntohs(header->src));
  return waiting != NULL && receive(waiting, header, packet->len - headers);
}

uint32_t timewait_sleep_ms(void) {
  if (used == 0) return capacity == 0 ? NEVER : 0;
  int32_t left_ms = (int32_t)(at(used - 1)->until_ms - port_now());
  return left_ms <= 0 ? 0 : (uint32_t)left_ms;
}

/* Its memory goes when the last one ends. */
void timewait_run(void) {
  if (capacity == 0) return;
  expire(port_now());
  if (used == 0) timewait_forget_all();
}
