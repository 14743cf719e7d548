/**
 * Binds the references of shared libraries to symbols of their own before they are loaded, as a linker does that is told
 * -Bsymbolic. TensorFlow has 450,000 of them in its data, and the system's loader looks each up by its name, in one library
 * after another, at each start of a process.
 *
 * A reference stays as it is where another library may answer it: what one before this defines too, what the C++ library may
 * define (`std` and its templates, `operator new`), what is no C++ at all, and what is one for a whole process
 * (STB_GNU_UNIQUE). ELF for x86-64 as the System V ABI draws it.
 */
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';

const sectionKinds = { relocations: 4, dynamic: 6, symbols: 11 };
const tags = { relocations: 7, relativeCount: 0x6ffffff9 };
/** What a relocation writes: symbol + addend, the same into the table of addresses, and base + addend. */
const direct = 1;
const globalData = 6;
const relative = 8;
const relocationBytes = 24;
const symbolBytes = 24;

/** Mangled names that the C++ library may define as well: of `std`, __gnu_cxx and __cxxabiv1, and of new and delete. */
const othersNames = /^_Z(?:n[wa]|d[la]|(?:T[A-Z]|G[A-Z]|Z|N|[rVK])*(?:S|9__gnu_cxx|10__cxxabiv1))/;

/**
 * Changes the files in place and keeps their sizes. Where it was done before it changes nothing.
 *
 * @param {readonly string[]} files libraries that are loaded together, in the order in which the loader looks into them
 * @returns {number[]} how many references of each were bound
 * @throws {Error} when a file is no ELF library for x86-64, or cannot be written
 */
export function bindSymbols(files) {
  const libraries = files.map((file) => openLibrary(file));
  try {
    /** @type {Set<string>} what the libraries define that come before: their answer would be taken */
    const before = new Set();
    return libraries.map((library) => {
      const bound = bind(library, before);
      for (const name of definitions(library)) before.add(name);
      return bound;
    });
  } finally {
    for (const { descriptor } of libraries) closeSync(descriptor);
  }
}

/** @typedef {ReturnType<typeof openLibrary>} Library */

/** @param {string} file */
function openLibrary(file) {
  const descriptor = openSync(file, 'r+');
  try {
    const header = read(descriptor, { offset: 0, size: 64 });
    const isElf64 = header.readUInt32BE(0) === 0x7f454c46 && header[4] === 2 && header[5] === 1;
    if (!isElf64 || header.readUInt16LE(18) !== 62) throw new Error('it is no ELF library for x86-64');
    const sections = readSections(descriptor, header);
    const only = (/** @type {number} */ kind) => {
      const found = sections.find((section) => section.kind === kind);
      if (found === undefined) throw new Error(`it has no section of the kind ${kind}`);
      return found;
    };
    const dynamic = only(sectionKinds.dynamic);
    const entries = read(descriptor, dynamic);
    const symbols = only(sectionKinds.symbols);
    const strings = sections[symbols.link];
    const place = placeOf(entries, tags.relocations);
    const address = place === undefined ? undefined : word(entries, place);
    const table = sections.find((section) => section.kind === sectionKinds.relocations && section.address === address);
    if (strings === undefined || table === undefined) throw new Error('it has no names or no relocations');
    const count = placeOf(entries, tags.relativeCount);
    return {
      descriptor,
      tableAt: table.offset,
      table: read(descriptor, table),
      symbols: read(descriptor, symbols),
      strings: read(descriptor, strings),
      /** Where the file says how many relocations at the head of the table are relative. */
      relativeCountAt: count === undefined ? undefined : dynamic.offset + count,
    };
  } catch (error) {
    closeSync(descriptor);
    const { message } = /** @type {Error} */ (error);
    throw new Error(`the references of ${file} cannot be bound: ${message}`, { cause: error });
  }
}

/**
 * @param {number} descriptor
 * @param {Buffer} header
 */
function readSections(descriptor, header) {
  const each = header.readUInt16LE(58);
  const count = header.readUInt16LE(60);
  const headers = read(descriptor, { offset: word(header, 40), size: each * count });
  return Array.from({ length: count }, (_, index) => {
    const at = index * each;
    return {
      kind: headers.readUInt32LE(at + 4),
      address: word(headers, at + 16),
      offset: word(headers, at + 24),
      size: word(headers, at + 32),
      link: headers.readUInt32LE(at + 40),
    };
  });
}

/**
 * @param {Library} library
 * @returns {Generator<string>}
 */
function* definitions({ symbols, strings }) {
  for (let at = 0; at < symbols.length; at += symbolBytes) {
    if (isDefined(symbols, at)) yield nameOf(symbols, at, strings);
  }
}

/**
 * @param {Library} library
 * @param {ReadonlySet<string>} before
 */
function bind({ descriptor, table, tableAt, symbols, strings, relativeCountAt }, before) {
  /** @type {Map<number, number | undefined>} the address of a symbol that nobody else can define */
  const known = new Map();
  const ownAddress = (/** @type {number} */ symbol) => {
    if (known.has(symbol)) return known.get(symbol);
    const at = symbol * symbolBytes;
    const own = isDefined(symbols, at) && isOurs(symbols, at, nameOf(symbols, at, strings), before);
    const address = own ? word(symbols, at + 8) : undefined;
    known.set(symbol, address);
    return address;
  };
  let bound = 0;
  for (let at = 0; at < table.length; at += relocationBytes) {
    const kind = table.readUInt32LE(at + 8);
    if (kind !== direct && kind !== globalData) continue;
    const address = ownAddress(table.readUInt32LE(at + 12));
    if (address === undefined) continue;
    table.writeUInt32LE(relative, at + 8);
    table.writeUInt32LE(0, at + 12);
    table.writeBigInt64LE(table.readBigInt64LE(at + 16) + BigInt(address), at + 16);
    bound += 1;
  }
  if (bound === 0) return 0;
  const { sorted, relativeCount } = relativeFirst(table);
  write(descriptor, sorted, tableAt);
  if (relativeCountAt !== undefined) {
    const count = Buffer.alloc(8);
    count.writeBigUInt64LE(BigInt(relativeCount));
    write(descriptor, count, relativeCountAt);
  }
  fsyncSync(descriptor);
  return bound;
}

/**
 * The loader goes through those at the head without looking at their kinds; by address, so that each page is touched once.
 * @param {Buffer} table
 */
function relativeFirst(table) {
  const places = Array.from({ length: table.length / relocationBytes }, (_, index) => index * relocationBytes);
  const isRelative = (/** @type {number} */ at) => table.readUInt32LE(at + 8) === relative;
  const head = places.filter(isRelative).sort((a, b) => word(table, a) - word(table, b));
  const rest = places.filter((at) => !isRelative(at));
  const sorted = Buffer.concat([...head, ...rest].map((at) => table.subarray(at, at + relocationBytes)));
  return { sorted, relativeCount: head.length };
}

/**
 * @param {Buffer} symbols
 * @param {number} at
 */
function isDefined(symbols, at) {
  return symbols.readUInt16LE(at + 6) !== 0;
}

/**
 * @param {Buffer} symbols
 * @param {number} at
 * @param {string} name
 * @param {ReadonlySet<string>} before
 */
function isOurs(symbols, at, name, before) {
  const info = symbols.readUInt8(at + 4);
  const isGlobalOrWeak = info >> 4 === 1 || info >> 4 === 2;
  const isDataOrFunction = (info & 15) === 1 || (info & 15) === 2;
  const isCxx = name.startsWith('_Z') && !othersNames.test(name);
  return isGlobalOrWeak && isDataOrFunction && isCxx && !before.has(name);
}

/**
 * @param {Buffer} symbols
 * @param {number} at
 * @param {Buffer} strings
 */
function nameOf(symbols, at, strings) {
  const from = symbols.readUInt32LE(at);
  return strings.toString('latin1', from, strings.indexOf(0, from));
}

/**
 * @param {Buffer} entries of the dynamic section
 * @param {number} tag
 * @returns {number | undefined} where its value stands in them
 */
function placeOf(entries, tag) {
  for (let at = 0; at < entries.length; at += 16) if (word(entries, at) === tag) return at + 8;
  return undefined;
}

/**
 * @param {Buffer} bytes
 * @param {number} at
 */
function word(bytes, at) {
  return Number(bytes.readBigUInt64LE(at));
}

/**
 * @param {number} descriptor
 * @param {{ offset: number, size: number }} where
 */
function read(descriptor, { offset, size }) {
  const bytes = Buffer.alloc(size);
  if (readSync(descriptor, bytes, 0, size, offset) !== size) throw new Error('it ends early');
  return bytes;
}

/**
 * @param {number} descriptor
 * @param {Buffer} bytes
 * @param {number} offset
 */
function write(descriptor, bytes, offset) {
  if (writeSync(descriptor, bytes, 0, bytes.length, offset) !== bytes.length)
    throw new Error('it could not be written');
}
