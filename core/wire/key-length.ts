/** Of Curve25519 keys and of the symmetric ones that come from them, bytes. */
export const KEY_LENGTH = 32;
