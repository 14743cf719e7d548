const depth = 8_000;

/** What no mutant of a small input becomes: deep, long, and many of the same. By name, as tests tell them. */
export const largeInputs: readonly (readonly [name: string, input: Uint8Array])[] = [
  ['lists in lists', Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth)}`)],
  ['lists that never end', Buffer.from('['.repeat(depth))],
  ['objects in objects', Buffer.from(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)],
  ['a list in an object', Buffer.from(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`)],
  ['blocks in blocks of YAML', Buffer.from(Array.from({ length: 1_000 }, (_, at) => `${' '.repeat(at)}a:\n`).join(''))],
  ['dashes in dashes of YAML', Buffer.from('- '.repeat(2_000))],
  ['parentheses', Buffer.from('f('.repeat(depth))],
  ['a number of many digits', Buffer.from('9'.repeat(50_000))],
  ['one long text', Buffer.from(`"${'a'.repeat(100_000)}"`)],
  ['a text of escapes', Buffer.from(`"${'\\'.repeat(50_000)}"`)],
  ['blanks', Buffer.alloc(60_000, 0x20)],
  ['zeros', Buffer.alloc(60_000)],
  ['line ends', Buffer.alloc(5_000, 0x0a)],
  ['quotes', Buffer.alloc(20_000, 0x22)],
  ['bytes of no text', Buffer.alloc(40_000, 0xff)],
  ['messages in messages', nested()],
];

/** A length-delimited field 1 in another, as deep as lengths of two bytes go. */
function nested(): Buffer {
  let message = Buffer.alloc(0);
  for (let level = 0; level < 3_000; level++) {
    const { length } = message;
    const head = length < 128 ? Buffer.of(0x0a, length) : Buffer.of(0x0a, (length & 127) | 128, length >>> 7);
    message = Buffer.concat([head, message]);
  }
  return message;
}
