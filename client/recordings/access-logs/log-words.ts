/** The words of a line of text, and of which kind each is: p plain, q quoted, b in brackets. */
export type LogWords = Readonly<{ words: readonly string[]; kinds: string }>;

/** More than any format has. */
const wordsMax = 48;
const backslash = 92;
const quote = 34;

/**
 * Words of a line, "[…]" and "\"…\"" taken as one; undefined where quoting does not add up: a quote that never ends, one
 * within a word, text right behind one. Reads each character once.
 */
export function wordsOf(text: string): LogWords | undefined {
  const words: string[] = [];
  let kinds = '';
  const end = text.length;
  for (let at = skipBlanks(text, 0); at < end; at = skipBlanks(text, at)) {
    if (words.length === wordsMax) return undefined;
    const first = text[at];
    if (first === '"' || (first === '[' && !isAddress(text, at))) {
      const close = first === '"' ? closingQuote(text, at + 1) : text.indexOf(']', at);
      if (close === -1 || !isBlank(text, close + 1)) return undefined;
      words.push(text.slice(at + 1, close));
      kinds += first === '"' ? 'q' : 'b';
      at = close + 1;
    } else {
      const stop = wordEnd(text, at);
      if (stop === -1) return undefined;
      words.push(text.slice(at, stop));
      kinds += 'p';
      at = stop;
    }
  }
  return { words, kinds };
}

/** "[2001:db8::1]:443" is one word. */
function isAddress(text: string, at: number): boolean {
  const close = text.indexOf(']', at);
  return close - at <= 64 && /^[\dA-Fa-f:.]{2,45}(?:%[\w.-]{1,16})?$/.test(text.slice(at + 1, close));
}

/** A quote behind an odd number of backslashes belongs to the text. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at !== -1; at = text.indexOf('"', at + 1)) {
    let before = at - 1;
    while (before >= from && text.charCodeAt(before) === backslash) before -= 1;
    if ((at - 1 - before) % 2 === 0) return at;
  }
  return -1;
}

/** -1: there is a quote in it. */
function wordEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 32 || code === 9 || code === 13) return at;
    if (code === quote) return -1;
  }
  return text.length;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && isBlank(text, at)) at += 1;
  return at;
}

/** Or behind the end. */
function isBlank(text: string, at: number): boolean {
  if (at >= text.length) return true;
  const code = text.charCodeAt(at);
  return code === 32 || code === 9 || code === 13;
}

/**
 * Whether a quoted word beside the request ends as a request does: then the line's own request was cut in two by a quote
 * in it, and what stands before is its sender's.
 */
export function hasSecondRequest({ words, kinds }: LogWords, requestAt: number): boolean {
  for (let at = 0; at < words.length; at++) {
    if (kinds[at] !== 'q' || at === requestAt) continue;
    const word = words[at] as string;
    if (word.lastIndexOf(' HTTP/') >= word.length - ' HTTP/1.1'.length && / HTTP\/\d(?:\.\d)?$/.test(word.slice(-16)))
      return true;
  }
  return false;
}
