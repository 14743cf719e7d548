/** 32-bit hashes of texts and of facts within contexts; the same in every cluster and version. */
import { mixBits } from '../../mix-bits.ts';

const interned = new Map<string, number>();
/** Names that are remembered; what is watched chooses them. */
const internedMax = 65_536;

/** FNV-1a over UTF-16 units, finished. */
export function hashText(text: string): number {
  const known = interned.get(text);
  if (known !== undefined) return known;
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  const found = mixBits(hash);
  if (interned.size >= internedMax) interned.clear();
  interned.set(text, found);
  return found;
}

/** Two hashes as one, in this order. */
export function combine(left: number, right: number): number {
  return mixBits(Math.imul(left ^ 0x9e3779b1, 0x85ebca6b) ^ Math.imul(right + 0x7f4a7c15, 0xc2b2ae35));
}
