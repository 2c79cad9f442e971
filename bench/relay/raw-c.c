/* As raw-dgram.mjs, by two system calls for each datagram and nothing else: what the kernel leaves to win. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

enum { BIND = 0xff, PAIRS = 65536 };

static uint16_t other[65536], first[PAIRS];

static void bind_side(uint16_t pair, uint16_t port) {
  if (first[pair] == 0) {
    first[pair] = port;
    return;
  }
  other[port] = first[pair];
  other[first[pair]] = port;
}

int main(void) {
  static uint8_t datagram[65536];
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof at;
  int socket_fd = socket(AF_INET, SOCK_DGRAM, 0), buffer_bytes = 4 << 20;
  setsockopt(socket_fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  if (bind(socket_fd, (struct sockaddr *)&at, sizeof at) != 0) return 1;
  getsockname(socket_fd, (struct sockaddr *)&at, &length);
  printf("{\"port\":%d}\n", ntohs(at.sin_port));
  fflush(stdout);
  for (;;) {
    struct sockaddr_in from;
    length = sizeof from;
    ssize_t size = recvfrom(socket_fd, datagram, sizeof datagram, 0, (struct sockaddr *)&from, &length);
    uint16_t port = ntohs(from.sin_port), to = other[port];
    if (size < 0) continue;
    if (to != 0) {
      from.sin_port = htons(to);
      sendto(socket_fd, datagram, size, 0, (struct sockaddr *)&from, sizeof from);
    } else if (size == 4 && datagram[0] == BIND) {
      bind_side((uint16_t)(datagram[1] << 8 | datagram[2]), port);
      sendto(socket_fd, datagram, size, 0, (struct sockaddr *)&from, sizeof from);
    }
  }
}
