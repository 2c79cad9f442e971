/* lwIP's compiler and platform port to wasm32: see "Porting lwIP" in its documentation (sys_arch, cc.h). */
#ifndef NTMOBILE_ARCH_CC_H
#define NTMOBILE_ARCH_CC_H

#include <stdint.h>
#include "imports.h"

#define LWIP_NO_UNISTD_H 1
#define LWIP_NO_INTTYPES_H 1
#define U8_F "u"
#define S8_F "d"
#define X8_F "x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "u"

#define BYTE_ORDER LITTLE_ENDIAN
#define PACK_STRUCT_STRUCT __attribute__((packed))

/* A failed assertion leaves lwIP in no known state: the import throws, and stack.ts starts a fresh instance. */
#define LWIP_PLATFORM_ASSERT(message) port_assert(message)
#define LWIP_PLATFORM_DIAG(arguments)

#define LWIP_RAND() port_random()

#endif
