/*
 * A cable that takes its time, where the kernel has no netem: delay-line A B MICROSECONDS forwards every frame between
 * the interfaces A and B so much later than it came, in both directions, in order. A frame that does not fit into the
 * queue, or that the other interface does not take, is lost. Frames keep what the kernel knows of them (checksums that
 * are yet to be written, segmentation), so that its own TCP passes, too. Prints `ready`.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ENDS = 2, LARGEST = 70 * 1024, BATCH = 64, QUEUED_BYTES_LIMIT = 64 << 20, SOCKET_BYTES = 8 << 20 };

struct frame {
  struct frame *next;
  uint64_t due_us;
  ssize_t length;
  uint8_t bytes[];
};

/* Of the frames that came in at one end; they leave from the other one. */
struct queue {
  struct frame *first;
  struct frame **last;
  ssize_t bytes;
};

static struct queue queues[ENDS];
static struct pollfd ends[ENDS];
static uint64_t delay_us;
static uint8_t buffer[LARGEST];

static uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int open_end(const char *device) {
  int yes = 1, bytes = SOCKET_BYTES;
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex(device)};
  int end = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
  if (at.sll_ifindex == 0 || end < 0) fail(device);
  if (setsockopt(end, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof yes) != 0) fail("PACKET_VNET_HDR");
  if (setsockopt(end, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) != 0) fail("PACKET_IGNORE_OUTGOING");
  setsockopt(end, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
  if (bind(end, (struct sockaddr *)&at, sizeof at) != 0) fail("bind");
  return end;
}

static void enqueue(struct queue *queue, const uint8_t *bytes, ssize_t length) {
  if (queue->bytes + length > QUEUED_BYTES_LIMIT) return;
  struct frame *frame = malloc(sizeof *frame + length);
  if (frame == NULL) return;
  *frame = (struct frame){.due_us = now_us() + delay_us, .length = length};
  memcpy(frame->bytes, bytes, length);
  *queue->last = frame;
  queue->last = &frame->next;
  queue->bytes += length;
}

/* An interface that is down says so at every call; it may come up again. */
static void take_in(int end) {
  for (int i = 0; i < BATCH; i++) {
    ssize_t length = recv(ends[end].fd, buffer, sizeof buffer, MSG_TRUNC);
    if (length > 0 && length <= LARGEST) enqueue(&queues[end], buffer, length);
    else if (length < 0) return;
  }
}

/* Returns when the next one is due, at the latest. */
static uint64_t let_out(int end, uint64_t next_us) {
  struct queue *queue = &queues[end];
  struct frame *frame;
  for (uint64_t now = now_us(); (frame = queue->first) != NULL && frame->due_us <= now;) {
    (void)!write(ends[1 - end].fd, frame->bytes, frame->length);
    queue->first = frame->next;
    if (frame->next == NULL) queue->last = &queue->first;
    queue->bytes -= frame->length;
    free(frame);
  }
  return frame != NULL && frame->due_us < next_us ? frame->due_us : next_us;
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  delay_us = strtoull(arguments[3], NULL, 10);
  for (int i = 0; i < ENDS; i++) {
    queues[i].last = &queues[i].first;
    ends[i] = (struct pollfd){.fd = open_end(arguments[1 + i]), .events = POLLIN};
  }
  puts("ready");
  fflush(stdout);
  for (;;) {
    uint64_t never = UINT64_MAX, next_us = never;
    for (int i = 0; i < ENDS; i++) next_us = let_out(i, next_us);
    uint64_t now = now_us(), wait_us = next_us > now ? next_us - now : 0;
    struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    if (ppoll(ends, ENDS, next_us == never ? NULL : &wait, NULL) < 0 && errno != EINTR) fail("ppoll");
    for (int i = 0; i < ENDS; i++) take_in(i);
  }
}
