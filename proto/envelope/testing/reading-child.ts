/**
 * Reads a sealed file whose disk breaks: `node reading-child.ts FOLDER FLAG` prints what came of each reading, as JSON. FLAG: where
 * it is written from which byte on the disk cannot be read (failing-read.ts). For a test.
 */
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { unwrap } from '../../../base/fault.ts';
import { openFileSync } from '../files/sealed-file.ts';
import { openSealedReader } from '../files/sealed-reader.ts';
import { chunkOffset, format } from '../format.ts';
import { sealSample } from '../samples.ts';

const [, , folder, flag] = process.argv as [string, string, string, string];
const sealedPath = path.join(folder, 'sealed');
const { sealed, context, round } = sealSample(2 * format.chunkBytes);
writeFileSync(sealedPath, sealed);
const reader = unwrap(openSealedReader({ sealedPath, context, round }));
const seen: number[] = [];
const visit = (_: Uint8Array, offset: number) => void seen.push(offset);
const whole = reader.verify();

writeFileSync(flag, String(chunkOffset(1)));
const half = reader.verify({ visit });
const first = reader.readInto(0, Buffer.alloc(format.chunkBytes)) ?? 'read';
const second = reader.readInto(format.chunkBytes - 4, Buffer.alloc(8)) ?? 'read';
const opened = openFileSync({ sealedPath, plainPath: path.join(folder, 'plain'), context, round });

writeFileSync(flag, '0');
const nothing = reader.verify();
const anew = openSealedReader({ sealedPath, context, round });

rmSync(flag);
const healed = reader.verify();
reader.close();
process.stdout.write(JSON.stringify({ whole, half, seen, first, second, opened, nothing, anew, healed }));
