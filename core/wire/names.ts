/** FQDNs as this project compares them: lower case (RFC 4343), without the dot of the root. */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
