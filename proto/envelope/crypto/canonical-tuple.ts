/** A field of a canonical tuple: text as UTF-8, bytes as they are, whole numbers 0 to 2^53 - 1 as u64 big-endian. */
export type TupleField = string | number | Uint8Array;

const lengthBytes = 4;
const integerBytes = 8;

/**
 * The one byte form of a domain tag and its fields: each (the tag first) as its length, u32 big-endian, then its bytes.
 * Fields lie in the caller's fixed order, so two tuples have equal bytes only if tag, number of fields and every field
 * are equal: no field can lend bytes to its neighbour, and no statement can pass for one with another tag.
 */
export function canonicalTuple(domainTag: string, fields: readonly TupleField[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const field of [domainTag, ...fields]) {
    const bytes = fieldBytes(field);
    const length = Buffer.allocUnsafe(lengthBytes);
    length.writeUInt32BE(bytes.byteLength);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}

function fieldBytes(field: TupleField): Uint8Array {
  if (typeof field === 'number') {
    if (!Number.isSafeInteger(field) || field < 0) {
      throw new RangeError(`canonical tuple: a number must be whole, 0 to 2^53 - 1; got ${field}`);
    }
    const bytes = Buffer.allocUnsafe(integerBytes);
    bytes.writeBigUInt64BE(BigInt(field));
    return bytes;
  }
  if (typeof field !== 'string') return field;
  // Half a surrogate pair would become U+FFFD, and two different texts would have the same bytes.
  if (!field.isWellFormed()) throw new RangeError('canonical tuple: a text must be well-formed Unicode');
  return Buffer.from(field, 'utf8');
}
