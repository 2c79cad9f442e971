import type { Place } from '../place';

export const open: Place = { name: 'open', about: 'a public IPv4 address, nothing in between', families: [4] };
