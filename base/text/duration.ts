const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** A length of time for people, by its two largest units: `3 d 2 h`, `90 s` as `1 min 30 s`, less than a second as `0 s`. */
export function durationText(milliseconds: number): string {
  let left = Math.round(Math.max(0, milliseconds) / 1_000);
  const parts: string[] = [];
  for (const [name, seconds] of units) {
    const count = Math.floor(left / seconds);
    left -= count * seconds;
    if (count > 0) parts.push(`${count} ${name}`);
    else if (parts.length > 0) break;
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}
