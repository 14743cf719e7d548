/** How far down messages within messages are filled, and up to which field number. */
const [depthMax, fieldsMax] = [4, 40];

const wires = [
  { tag: 0, values: [Buffer.of(1), Buffer.of(0xac, 0x02)] },
  { tag: 2, values: [Buffer.from('\x03r-1')] },
  { tag: 1, values: [Buffer.from([0, 0, 0, 0, 0, 0, 0xf0, 0x3f])] },
  { tag: 5, values: [Buffer.from([0, 0, 0x80, 0x3f])] },
] as const;

/**
 * Messages of a type of which nothing is known but its reader: each field by itself, found by trying, and all of them
 * together. What a generated reader does not know it passes over, so a field is one whose value changes what is read.
 */
export function filledMessages(read: (bytes: Buffer) => unknown): Buffer[] {
  const fields = fieldsOf(read, (bytes) => bytes, 0);
  return [Buffer.alloc(0), ...fields.slice(0, 48), Buffer.concat(fields)];
}

function fieldsOf(read: (bytes: Buffer) => unknown, within: (bytes: Buffer) => Buffer, depth: number): Buffer[] {
  const empty = shown(read(within(Buffer.alloc(0))));
  const found: Buffer[] = [];
  for (let field = 1; field <= fieldsMax; field++) {
    for (const { tag, values } of wires) {
      const head = varint((field << 3) | tag);
      const known = values
        .map((value) => Buffer.concat([head, value]))
        .find((bytes) => shownOr(read, within(bytes)) !== empty);
      const message = tag === 2 ? Buffer.concat([head, Buffer.of(0)]) : undefined;
      if (known !== undefined) found.push(known);
      // A message within: empty, it is there; as a text it would have been no message.
      else if (message !== undefined && shownOr(read, within(message)) !== empty) {
        const inner = depth >= depthMax ? [] : fieldsOf(read, (bytes) => within(delimited(head, bytes)), depth + 1);
        found.push(delimited(head, Buffer.concat(inner)));
      }
    }
  }
  return found;
}

function delimited(head: Buffer, bytes: Buffer): Buffer {
  return Buffer.concat([head, varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  return value < 128 ? Buffer.of(value) : Buffer.concat([Buffer.of((value & 127) | 128), varint(value >>> 7)]);
}

function shownOr(read: (bytes: Buffer) => unknown, bytes: Buffer): string {
  try {
    return shown(read(bytes));
  } catch {
    return '';
  }
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, member) => (typeof member === 'bigint' ? `${member}n` : member)) ?? 'symbol';
}
