import type { Result } from '../../base/fault.ts';

/** How a track's examples become bytes in the encrypted buffer. Equal examples give equal bytes: they are kept once. */
export interface ExampleCodec<Example = unknown> {
  /** Throws a RangeError for an example beyond the track's own bounds. */
  encode(example: Example): Buffer;
  /** Refuses bytes of another version or a damaged file. */
  decode(bytes: Uint8Array): Result<Example, 'EXAMPLE_MALFORMED'>;
}
