import { promisify } from 'node:util';
// By its default export: Node has Zstandard since 22.15, and what is imported by a name that is not there does not link.
import zlib from 'node:zlib';
import { ok, type Result, refuse } from '../base/fault.ts';
import { ChunkEncoding, type FetchFileResponse } from './generated/testudo/v1/releases.ts';
import { chunkBytes } from './wire-names.ts';

export type ChunkFaultCode = 'CHUNK_ENCODING_UNKNOWN' | 'CHUNK_LENGTH_WRONG' | 'CHUNK_UNREADABLE';

/** A chunk of a file as a message carries it. */
export type PackedChunk = Pick<FetchFileResponse, 'encoding' | 'unpackedBytes' | 'chunk'>;

const zstd = ChunkEncoding.CHUNK_ENCODING_ZSTD;
const { ZSTD_c_compressionLevel, ZSTD_c_windowLog, ZSTD_d_windowLogMax } = zlib.constants;
/** A window as long as a chunk: no frame makes its reader set more memory aside. */
const windowLog = Math.log2(chunkBytes);
/** Packed once for all who ask. */
const compressionLevel = 6;
const isZstdThere = typeof zlib.zstdDecompressSync === 'function';
const compress = isZstdThere ? promisify(zlib.zstdCompress) : undefined;

/** What this process can unpack. */
export const takenEncodings: readonly ChunkEncoding[] = isZstdThere ? [zstd] : [];

/** How a sender packs chunks for who takes these. */
export function encodingFor(taken: readonly ChunkEncoding[]): ChunkEncoding {
  return isZstdThere && taken.includes(zstd) ? zstd : ChunkEncoding.CHUNK_ENCODING_UNSPECIFIED;
}

/** The chunk, at most 256 KiB, packed so; as it is where that is not shorter. */
export async function packChunk(chunk: Buffer, encoding: ChunkEncoding): Promise<PackedChunk> {
  const plain = { encoding: ChunkEncoding.CHUNK_ENCODING_UNSPECIFIED, unpackedBytes: 0, chunk };
  if (compress === undefined || encoding !== zstd) return plain;
  const params = { [ZSTD_c_compressionLevel]: compressionLevel, [ZSTD_c_windowLog]: windowLog };
  const packed = await compress(chunk, { params });
  return packed.length < chunk.length ? { encoding: zstd, unpackedBytes: chunk.length, chunk: packed } : plain;
}

/** The file's own bytes, of a sender that nobody trusts: as many as it says, and never more than a chunk may have. */
export function unpackChunk({ encoding, unpackedBytes, chunk }: PackedChunk): Result<Buffer, ChunkFaultCode> {
  if (encoding === ChunkEncoding.CHUNK_ENCODING_UNSPECIFIED) return ok(chunk);
  if (encoding !== zstd || !isZstdThere) {
    return refuse('CHUNK_ENCODING_UNKNOWN', `a chunk is packed in a way (${encoding}) that nobody here asked for`);
  }
  const wrong = (why: string) =>
    refuse('CHUNK_LENGTH_WRONG', `a chunk says that it unpacks to ${unpackedBytes} bytes: ${why}`);
  if (unpackedBytes < 1 || unpackedBytes > chunkBytes) return wrong(`it may be 1 to ${chunkBytes}`);
  try {
    const unpacked = zlib.zstdDecompressSync(chunk, {
      chunkSize: unpackedBytes + 1, // It comes out in one go, and one byte too many is seen.
      maxOutputLength: unpackedBytes,
      params: { [ZSTD_d_windowLogMax]: windowLog },
    });
    // What is cut short is no error to zlib.
    return unpacked.length === unpackedBytes ? ok(unpacked) : wrong(`it has ${unpacked.length}`);
  } catch (error) {
    const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException;
    return code === 'ERR_BUFFER_TOO_LARGE'
      ? wrong('it has more')
      : refuse('CHUNK_UNREADABLE', `a chunk cannot be unpacked (${code})`);
  }
}
