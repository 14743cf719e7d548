import { isDeepStrictEqual } from 'node:util';
import { getHeapStatistics } from 'node:v8';
import type { Reading, Target } from './target.ts';

/** Why an input is one too many for its decoder. */
export type Finding = Readonly<{ what: string; input: Uint8Array }>;

/** What one input may cost, in the processor's own time: other processes are not judged. For campaigns alone. */
export type Costs = Readonly<{ millisecondsMax: number }>;

/** Outside of V8's heap; a decoder that believes a length takes more. The heap's own limit is the process's. */
const externalBytesMax = 64 * 2 ** 20;

const prototypes = [Object, Array, Function, String, Number, Uint8Array, Map, RegExp, Promise].map(
  ({ prototype }) => prototype as object,
);
const membersAtFirst = prototypes.map((prototype) => Reflect.ownKeys(prototype).length);

/** What is wrong with what the target makes of these bytes; undefined where nothing is. */
export async function judge(target: Target, input: Uint8Array, costs?: Costs): Promise<Finding | undefined> {
  const given = new Uint8Array(input);
  const began = performance.now();
  let found = await tried(target, input, given);
  // What is not thrown again is a finding all the same.
  if (found?.startsWith(threw) && Error.stackTraceLimit === 0) found = (await placed(target, given)) ?? found;
  // To ask what of the processor was used takes longer than most inputs: it is asked of those alone that took as much on the clock.
  const isSlow = costs !== undefined && performance.now() - began > costs.millisecondsMax;
  const what = found ?? (isSlow ? await tookTooLong(target, given, costs) : undefined);
  return what === undefined ? undefined : { what, input: given };
}

const threw = 'threw ';
const framesMax = 10;

/**
 * Another time, with the places that it was thrown through. Who runs millions of inputs sets `Error.stackTraceLimit` to 0: most
 * refusals are made from errors that parsers throw to themselves, and a quarter of a parser of YAML went into writing down where.
 */
async function placed(target: Target, given: Uint8Array): Promise<string | undefined> {
  Error.stackTraceLimit = framesMax;
  try {
    return await tried(target, new Uint8Array(given), given);
  } finally {
    Error.stackTraceLimit = 0;
  }
}

/** Another time, by the processor's own time. */
async function tookTooLong(target: Target, given: Uint8Array, { millisecondsMax }: Costs): Promise<string | undefined> {
  const began = process.cpuUsage();
  await tried(target, new Uint8Array(given), given);
  const tookMs = process.cpuUsage(began).user / 1_000;
  return tookMs > millisecondsMax ? `took ${Math.round(tookMs)} ms` : undefined;
}

async function tried(target: Target, input: Uint8Array, given: Uint8Array): Promise<string | undefined> {
  const externalBefore = getHeapStatistics().external_memory;
  let what: string | undefined;
  try {
    const reading = target.read(input);
    const settled = reading instanceof Promise ? await reading : reading;
    const again = settled.kind === 'read' && settled.again !== undefined ? target.read(settled.again) : undefined;
    what = faultOf(target, given, settled, again instanceof Promise ? await again : again);
  } catch (error) {
    what = `${threw}${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
  if (getHeapStatistics().external_memory - externalBefore > externalBytesMax) what ??= 'took more than 64 MiB';
  if (prototypesChanged()) what ??= 'changed a prototype that all objects share';
  if (Buffer.compare(given, input) !== 0) what ??= 'changed its input';
  return what;
}

function prototypesChanged(): boolean {
  for (let at = 0; at < prototypes.length; at++) {
    if (Reflect.ownKeys(prototypes[at] as object).length !== membersAtFirst[at]) return true;
  }
  return false;
}

function faultOf(
  { isCanonical = false }: Target,
  input: Uint8Array,
  reading: Reading,
  again: Reading | undefined,
): string | undefined {
  if (reading.kind === 'refused') {
    return /^[A-Z][A-Z0-9_]+$/.test(reading.code) ? undefined : `refused without a code: ${reading.code}`;
  }
  const strange = strangeIn(reading.value, 0);
  if (strange !== undefined) return strange;
  if ('also' in reading && !isDeepStrictEqual(reading.value, reading.also)) return 'reads otherwise another way';
  if (again === undefined) return undefined;
  if (again.kind === 'refused') return `refuses its own bytes of it: ${again.code}`;
  if (!isDeepStrictEqual(reading.value, again.value)) return 'means something else when it is written and read again';
  return isCanonical && !Buffer.from(input).equals(reading.again as Uint8Array)
    ? 'has a second form of bytes'
    : undefined;
}

const depthMax = 1_000;

/** An object whose prototype came with the data has members that nobody looks for. */
function strangeIn(value: unknown, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return undefined;
  if (depth > depthMax) return 'gives what is nested without an end';
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && !Object.hasOwn(prototype as object, 'constructor'))
    return 'gives an object with a forged prototype';
  for (const member of Object.values(value)) {
    const strange = strangeIn(member, depth + 1);
    if (strange !== undefined) return strange;
  }
  return undefined;
}
