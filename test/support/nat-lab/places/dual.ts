import type { Place } from '../place';

export const dual: Place = { name: 'dual', about: 'a public address of each IP version', families: [4, 6] };
