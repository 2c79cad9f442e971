/** From where this host sends, which tells of routing rules and tables that nothing else shows. */
import type { Runtime } from './runtime';

/** Of documentation (RFC 5737, RFC 3849): nobody is there, and nothing is sent; the default routes lead there. */
const ANYWHERE = [
  { address: '203.0.113.1', port: 9 },
  { address: '2001:db8::1', port: 9 },
] as const;

/** Toward the Internet, by each IP version; as text to compare. */
export async function sourceAddresses({ sourceAddress }: Runtime): Promise<string> {
  if (!sourceAddress) return '';
  const found = await Promise.all(ANYWHERE.map((to) => sourceAddress(to)));
  return found.join(', ');
}
