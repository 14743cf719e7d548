/** A bug behind six comparisons: chance meets it once in 2^48. */
export function nested(bytes: Uint8Array): string {
  if (bytes[0] !== 0x54) return 'NO_T';
  if (bytes[1] !== 0x53) return 'NO_S';
  if (bytes[2] !== 0x54) return 'NO_SECOND_T';
  if (bytes[3] !== 0x55) return 'NO_U';
  if (bytes[4] !== 0x01) return 'NO_VERSION';
  if (bytes[5] !== 0x12) return 'NO_SIZE';
  throw new Error('behind six comparisons');
}
