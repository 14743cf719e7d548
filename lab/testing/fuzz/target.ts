/**
 * What a decoder made of bytes: a refusal with its code, or a value. `again`: the value's bytes, which must read as the same
 * value. `also`: what another way of reading the same bytes gave, which must be equal.
 */
export type Reading = Readonly<
  { kind: 'refused'; code: string } | { kind: 'read'; value: unknown; again?: Uint8Array; also?: unknown }
>;

/** One decoder that bytes of a stranger reach. */
export type Target = Readonly<{
  /** Names its corpus, and what `npm run campaign:fuzz -- --target` asks for: "release-root". */
  name: string;
  /** Legal inputs, or nearly, from which mutants are made. Equal bytes in every run. */
  seeds(): readonly Uint8Array[];
  /** What the format is made of: names of members and their values, put in as they are. */
  words?: readonly string[];
  /** Throws for nothing. Keeps nothing between two inputs. */
  read(bytes: Uint8Array): Reading | Promise<Reading>;
  /** Equal values have equal bytes: `again` is the very input. */
  isCanonical?: boolean;
  /** Inputs in each run of the tests, where 1,500 would take more than a tenth of a second. */
  inputsInTests?: number;
}>;

export function refused(code: string): Reading {
  return { kind: 'refused', code };
}

/** The text of bytes, as files are read: what is no UTF-8 becomes U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
