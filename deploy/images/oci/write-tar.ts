import { blockBytes, checksumOf, type Field, fields, paddingOf, typeFlags } from './tar-format.ts';
import { type Content, chunksOf, type TreeEntry, wholeTree } from './tree.ts';

/**
 * A tree as a tar archive whose bytes depend on the tree alone: entries sorted, every time 1970, no names of owners.
 * Throws when a file's size changed since it was looked at.
 */
export async function* writeTar(entries: readonly TreeEntry[]): AsyncGenerator<Buffer> {
  for (const entry of wholeTree(entries)) {
    const name = entry.kind === 'folder' ? `${entry.path}/` : entry.path;
    const target = entry.kind === 'link' ? entry.target : '';
    const records = [...(fits(name) ? [] : [['path', name]]), ...(fits(target) ? [] : [['linkpath', target]])];
    if (records.length > 0) yield paxBlocks(records as [string, string][]);
    const size = entry.kind === 'file' ? sizeOf(entry.content) : 0;
    yield headerOf({ ...entry, name, target, size, type: typeFlags[entry.kind] });
    if (entry.kind === 'file') yield* contentBlocks(entry.path, entry.content);
  }
  yield Buffer.alloc(2 * blockBytes);
}

async function* contentBlocks(path: string, content: Content): AsyncGenerator<Buffer> {
  const size = sizeOf(content);
  let read = 0;
  for await (const chunk of chunksOf(content)) {
    read += chunk.byteLength;
    yield chunk;
  }
  if (read !== size) throw new Error(`image: ${path} had ${size} bytes and now has ${read}: build again`);
  yield Buffer.alloc(paddingOf(size));
}

function sizeOf(content: Content): number {
  return Buffer.isBuffer(content) ? content.byteLength : content.size;
}

const fits = (name: string) => Buffer.byteLength(name) <= fields.name[1];

type Header = Readonly<{ name: string; target: string; mode: number; owner?: number; size: number; type: string }>;

function headerOf({ name, target, mode, owner = 0, size, type }: Header): Buffer {
  const header = Buffer.alloc(blockBytes);
  const text = (field: Field, value: string) => header.write(value, fields[field][0], fields[field][1], 'utf8');
  const octal = (field: Field, value: number) => {
    const digits = value.toString(8).padStart(fields[field][1] - 1, '0');
    if (digits.length >= fields[field][1]) throw new RangeError(`tar: ${field} of ${name} is too large: ${value}`);
    text(field, digits);
  };
  text('name', name); // A longer one stands in the pax record before, and readers of that ignore this.
  octal('mode', mode);
  octal('uid', owner);
  octal('gid', owner);
  octal('size', size);
  octal('mtime', 0);
  text('type', type);
  text('linkName', target);
  header.write('ustar\u000000', fields.magic[0], 'latin1');
  octal('checksum', checksumOf(header));
  return header;
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function paxBlocks(records: readonly [string, string][]): Buffer {
  const body = Buffer.from(records.map(([key, value]) => paxRecord(key, value)).join(''), 'utf8');
  const header = headerOf({ name: 'pax', target: '', mode: 0o644, size: body.byteLength, type: typeFlags.pax });
  return Buffer.concat([header, body, Buffer.alloc(paddingOf(body.byteLength))]);
}

function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest) + 1;
  while (Buffer.byteLength(`${length}${rest}`) !== length) length = Buffer.byteLength(`${length}${rest}`);
  return `${length}${rest}`;
}
