/*
 * The C heap, counted: what lwIP holds must balance at zero when a stack was closed (stack.liveAllocations).
 *
 * The module's memory grows in large steps, for V8 sees all of it anew each time (a new ArrayBuffer) and collects
 * garbage because of that. Pages that were never touched cost nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include "imports.h"

#define PAGE 65536u
#define LEAST_GROWTH_PAGES 16u

static uint32_t live;
/* The end of what malloc has; 0 before it asks first. */
static uintptr_t end;

static uintptr_t memory_pages(void) {
  return __builtin_wasm_memory_size(0);
}

/* In place of the C library's: malloc gets more memory by it, in whole pages. */
void *sbrk(intptr_t increment) {
  if (end == 0) end = memory_pages() * PAGE;
  uintptr_t begin = end;
  uintptr_t needed = (begin + (uintptr_t)increment + PAGE - 1) / PAGE;
  uintptr_t there = memory_pages();
  if (needed > there) {
    uintptr_t missing = needed - there;
    uintptr_t growth = missing + LEAST_GROWTH_PAGES + there / 2;
    int grown = __builtin_wasm_memory_grow(0, growth) != (size_t)-1;
    if (!grown && __builtin_wasm_memory_grow(0, missing) == (size_t)-1) {
      errno = ENOMEM;
      return (void *)-1;
    }
  }
  end = begin + (uintptr_t)increment;
  return (void *)begin;
}

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
