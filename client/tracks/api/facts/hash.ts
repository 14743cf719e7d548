/** 32-bit hashes of texts and of facts within contexts; the same in every cluster and version. */

const interned = new Map<string, number>();
/** Names that are remembered; what is watched chooses them. */
const internedMax = 65_536;

/** FNV-1a over UTF-16 units, finished. */
export function hashText(text: string): number {
  const known = interned.get(text);
  if (known !== undefined) return known;
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  const found = finish(hash);
  if (interned.size >= internedMax) interned.clear();
  interned.set(text, found);
  return found;
}

/** Two hashes as one, in this order. */
export function combine(left: number, right: number): number {
  return finish(Math.imul(left ^ 0x9e3779b1, 0x85ebca6b) ^ Math.imul(right + 0x7f4a7c15, 0xc2b2ae35));
}

/** MurmurHash3's finaliser: every bit decides. */
function finish(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
