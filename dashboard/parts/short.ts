/** A number by its three first digits, of any size; a dash where there is none. */
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  return size !== 0 && (size < 0.001 || size >= 100_000)
    ? value.toExponential(1)
    : String(Number(value.toPrecision(3)));
}
