/**
 * Numbers that others wrote. `Number` takes far more than people and programs mean by one: "0x10" is 16 to it, " " and [] are 0, true
 * is 1 and "1e999" is endless.
 */
const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?$/i;
const charactersMax = 64;

/** A finite decimal number, as "12", "-0.5" or "1e-3"; NaN for any other text, one with blanks around it included. */
export function decimalOf(text: string): number {
  if (text.length > charactersMax || !decimal.test(text)) return Number.NaN;
  const value = Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}

/** The same of what JSON holds, where numbers may be texts, as protobuf's JSON writes those of 64 bits. */
export function jsonNumberOf(value: unknown): number {
  if (typeof value === 'number') return Number.isFinite(value) ? value : Number.NaN;
  return typeof value === 'string' ? decimalOf(value) : Number.NaN;
}

/** The same number without the sign that JSON may give to 0, and that writing it again would lose. */
export function unsignedZero(value: number): number {
  return value + 0;
}
