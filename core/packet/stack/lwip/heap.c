/* The C heap, counted: what lwIP holds must balance at zero when a stack was closed (stack.liveAllocations). */
#include <stdlib.h>
#include "imports.h"
#include "lwip/opt.h"

static uint32_t live;

void *heap_malloc(size_t size) {
  void *block = malloc(size);
  if (block != NULL) live++;
  return block;
}

void *heap_calloc(size_t count, size_t size) {
  void *block = calloc(count, size);
  if (block != NULL) live++;
  return block;
}

void heap_free(void *block) {
  if (block != NULL) live--;
  free(block);
}

EXPORT(heap_live) uint32_t heap_live(void) {
  return live;
}
