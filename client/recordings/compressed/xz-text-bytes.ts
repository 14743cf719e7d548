const [headerBytes, footerBytes] = [12, 12];
const magic = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
/** Of an index: some hundred thousand blocks. */
const indexBytesMax = 1_048_576;

/**
 * How many bytes the text of an .xz file has, by the index at its end: xz cannot be unpacked here, but it says what it holds
 * (The .xz File Format 1.2, 2.1.2 and 4). undefined where that is not one whole stream. `size` in bytes.
 */
export function xzTextBytes(read: (position: number, length: number) => Buffer, size: number): number | undefined {
  if (size < headerBytes + footerBytes || !read(0, magic.length).equals(magic)) return undefined;
  const footer = read(size - footerBytes, footerBytes);
  if (footer.length < footerBytes || footer.toString('latin1', 10) !== 'YZ') return undefined;
  const indexBytes = (footer.readUInt32LE(4) + 1) * 4;
  const at = size - footerBytes - indexBytes;
  if (indexBytes > indexBytesMax || at < headerBytes) return undefined;
  const numbers = numbersOf(read(at, indexBytes));
  const count = numbers.next().value ?? 0;
  let [packed, text] = [headerBytes, 0];
  for (let block = 0; block < count; block++) {
    const [unpadded, plain] = [numbers.next().value, numbers.next().value];
    if (unpadded === undefined || plain === undefined) return undefined;
    packed += Math.ceil(unpadded / 4) * 4;
    text += plain;
  }
  // Other streams before this one are packed bytes that its index does not tell of.
  return packed === at ? text : undefined;
}

/** The numbers of an index behind its indicator: seven bits in each byte, the lowest first. */
function* numbersOf(index: Buffer): Generator<number, undefined> {
  let [value, scale] = [0, 1];
  for (const byte of index.subarray(1)) {
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if ((byte & 0x80) !== 0) continue;
    yield value;
    [value, scale] = [0, 1];
  }
  return undefined;
}
