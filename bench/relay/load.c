/*
 * Nodes on both sides of many paths through a forwarder: load PORT BYTES WINDOW {BIND BIND HEADER}, for each path the
 * datagrams that bind its two sides and what its frames begin with, in hex (`-`: nothing). Each bind is answered. Then frames go to and fro, WINDOW of them on each path, each sent when one has arrived, so that what is counted is
 * what came through; a path that has been silent for a while begins again. Prints `ready`, and for each byte that it
 * reads the number of frames that have arrived by then.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SIDES = 2048, BATCH = 16, LARGEST = 2048, SILENCE_MS = 200, TRANSPORT_DATA = 4 };

struct side {
  int fd;
  size_t header_length;
  uint8_t header[64];
  uint64_t heard;
};

static struct side sides[SIDES];
static size_t frame_bytes;

static size_t from_hex(const char *text, uint8_t *bytes) {
  if (*text == '-') return 0;
  size_t length = strlen(text) / 2;
  for (size_t i = 0; i < length; i++) sscanf(text + 2 * i, "%2hhx", &bytes[i]);
  return length;
}

static int open_side(struct side *side, uint16_t port, const char *bind_hex, const char *header_hex) {
  uint8_t datagram[1024];
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int buffer_bytes = 1 << 20;
  side->fd = socket(AF_INET, SOCK_DGRAM, 0);
  setsockopt(side->fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  if (connect(side->fd, (struct sockaddr *)&to, sizeof to) != 0) return -1;
  side->header_length = from_hex(header_hex, side->header);
  size_t length = from_hex(bind_hex, datagram);
  if (send(side->fd, datagram, length, 0) < 0) return -1;
  struct timeval patience = {.tv_sec = 5};
  setsockopt(side->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return recv(side->fd, datagram, sizeof datagram, 0) > 0 ? 0 : -1;
}

static void send_frames(struct side *side, int count) {
  uint8_t frame[LARGEST];
  struct iovec part = {frame, frame_bytes};
  struct mmsghdr all[BATCH] = {0};
  memset(frame, TRANSPORT_DATA, frame_bytes);
  memcpy(frame, side->header, side->header_length);
  for (int i = 0; i < count; i++) all[i].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
  sendmmsg(side->fd, all, count, 0);
}

static int receive_frames(struct side *side) {
  static uint8_t frames[BATCH][LARGEST];
  struct iovec parts[BATCH];
  struct mmsghdr all[BATCH] = {0};
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){frames[i], LARGEST};
    all[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
  return recvmmsg(side->fd, all, BATCH, MSG_DONTWAIT, NULL);
}

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

static void begin_again(int count, int frames) {
  for (int i = 0; i < count; i++) {
    if (sides[i].heard == 0) send_frames(&sides[i], frames);
    sides[i].heard = 0;
  }
}

int main(int argc, char **argv) {
  int window = atoi(argv[3]), count = 0, epoll = epoll_create1(0);
  struct epoll_event asked = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &asked);
  frame_bytes = atoi(argv[2]);
  for (char **path = argv + 4; path + 2 < argv + argc && count + 2 <= SIDES; path += 3) {
    for (int i = 0; i < 2; i++, count++) {
      if (open_side(&sides[count], atoi(argv[1]), path[i], path[2]) != 0) return 1;
      struct epoll_event arrived = {.events = EPOLLIN, .data.ptr = &sides[count]};
      epoll_ctl(epoll, EPOLL_CTL_ADD, sides[count].fd, &arrived);
    }
  }
  puts("ready");
  fflush(stdout);
  uint64_t arrived = 0, begun_ms = 0;
  for (;;) {
    struct epoll_event events[64];
    int ready = epoll_wait(epoll, events, 64, 0);
    for (int i = 0; i < ready; i++) {
      struct side *side = events[i].data.ptr;
      if (side) {
        int received = receive_frames(side);
        if (received <= 0) continue;
        arrived += received;
        side->heard += received;
        send_frames(side, received);
      } else {
        char byte;
        if (read(STDIN_FILENO, &byte, 1) <= 0) return 0;
        printf("%llu\n", (unsigned long long)arrived);
        fflush(stdout);
      }
    }
    if (now_ms() - begun_ms < SILENCE_MS) continue;
    begin_again(count, window / 2);
    begun_ms = now_ms();
  }
}
