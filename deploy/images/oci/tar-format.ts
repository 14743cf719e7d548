/** The POSIX tar format (ustar, with pax records where a name does not fit): 512-byte blocks, numbers in octal. */
export const blockBytes = 512;

/** Where a field of the header block starts and how long it is. */
export const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  prefix: [345, 155],
} as const satisfies Record<string, readonly [number, number]>;

export type Field = keyof typeof fields;

export const typeFlags = { file: '0', hardLink: '1', link: '2', folder: '5', pax: 'x', paxGlobal: 'g' } as const;

/** So many zero bytes fill the last block of so many bytes. */
export function paddingOf(bytes: number): number {
  return (blockBytes - (bytes % blockBytes)) % blockBytes;
}

/** The sum of the header's bytes, its own field counted as blanks. */
export function checksumOf(header: Buffer): number {
  const [at, length] = fields.checksum;
  let sum = 0;
  for (const [place, byte] of header.entries()) sum += place >= at && place < at + length ? 0x20 : byte;
  return sum;
}
