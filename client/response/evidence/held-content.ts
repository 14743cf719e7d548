import { canonicalBytes, type JsonValue } from '../../../base/canonical-json.ts';

/** As many ids stand in a record's head. */
const alertsMax = 1_000;
/** Characters of their texts together. */
const textsMax = 1 << 20;

/**
 * Of a pod's alerts those that a record holds: the last that were heard, and their texts as far as there is room. Who is in a pod chooses
 * how many alerts it raises: an intruder that makes noise must keep no evidence from being taken.
 */
export function heldAlerts<Told extends { readonly text: string }>(alerts: readonly Told[]): readonly Told[] {
  let left = textsMax;
  const held: Told[] = [];
  for (const alert of alerts.slice(-alertsMax).reverse()) {
    const text = alert.text.length <= left ? alert.text : '';
    left -= text.length;
    held.push({ ...alert, text });
  }
  return held.reverse();
}

/** The content in at most so many bytes of canonical JSON: while it is longer, its longest part gives way, and says so in its place. */
export function heldContent(content: Readonly<Record<string, unknown>>, bytesMax: number): JsonValue {
  for (let parts = content; ; parts = withoutLongest(parts)) {
    const value = writable(parts);
    if (canonicalBytes(value).length <= bytesMax) return value;
  }
}

function withoutLongest(parts: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const lengths = Object.entries(parts).map(([name, part]) => ({ name, length: JSON.stringify(part)?.length ?? 0 }));
  const longest = lengths.reduce((most, one) => (one.length > most.length ? one : most));
  return { ...parts, [longest.name]: { unavailable: `its ${longest.length} characters found no room in a record` } };
}

/** What canonical JSON cannot write (too deep, half a character) is kept as text: no pod's shape keeps evidence from being taken. */
function writable(content: Readonly<Record<string, unknown>>): JsonValue {
  const value = JSON.parse(JSON.stringify(content)) as JsonValue;
  try {
    canonicalBytes(value);
    return value;
  } catch {
    return { text: JSON.stringify(content) };
  }
}
