/*
 * The Internet checksum (RFC 1071) over any alignment, 8 bytes at a time: with 32-bit words summed into 64 bits no
 * carry is lost in a packet. Returned not complemented and in network order as lwIP expects of LWIP_CHKSUM.
 */
#include <stdint.h>
#include <string.h>
#include "lwip/opt.h"

unsigned short checksum(const void *bytes, int length) {
  const uint8_t *at = bytes;
  uint64_t sum = 0;
  uint64_t second = 0;
  for (; length >= 16; length -= 16, at += 16) {
    uint64_t low, high;
    memcpy(&low, at, 8);
    memcpy(&high, at + 8, 8);
    sum += (low & 0xffffffffu) + (low >> 32);
    second += (high & 0xffffffffu) + (high >> 32);
  }
  sum += second;
  for (; length >= 2; length -= 2, at += 2) {
    uint16_t word;
    memcpy(&word, at, 2);
    sum += word;
  }
  /* RFC 1071, 4.1: an odd last byte is padded with a zero; little-endian memory makes it the low byte. */
  if (length > 0) sum += *at;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return (unsigned short)sum;
}
