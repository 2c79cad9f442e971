/** From where this host sends, which tells of routing rules and tables that nothing else shows. */
import type { Runtime } from './runtime';

/** Of documentation (RFC 5737, RFC 3849): nobody is there, and nothing is sent; the default routes lead there. */
const ANYWHERE = { 4: { address: '203.0.113.1', port: 9 }, 6: { address: '2001:db8::1', port: 9 } } as const;

/** Toward the Internet; empty where there is no route, or that cannot be known. */
export async function sourceAddressOf({ sourceAddress }: Runtime, family: 4 | 6): Promise<string> {
  return (await sourceAddress?.(ANYWHERE[family])) ?? '';
}

/** By each IP version; as text to compare. */
export async function sourceAddresses(runtime: Runtime): Promise<string> {
  if (!runtime.sourceAddress) return '';
  return (await Promise.all([sourceAddressOf(runtime, 4), sourceAddressOf(runtime, 6)])).join(', ');
}
