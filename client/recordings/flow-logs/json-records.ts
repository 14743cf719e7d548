/** A record that goes on for longer is given up. */
const charactersMax = 16 * 2 ** 20;

/** Of one piece of text: whoever writes more there means to keep us busy, and the rest of it is left out. */
const piecesMax = 32_768;

const [quote, backslash, open, close, openList, closeList, comma] = [34, 92, 123, 125, 91, 93, 44];

/** The text of one object, or that there was something else. */
export type JsonPiece = Readonly<{ kind: 'record'; text: string } | { kind: 'malformed' }>;

/**
 * The objects of a text that comes in pieces: one after another, in a list, or in the list `records` of an object, over
 * any number of lines. Holds one object. What stands between objects and is none is malformed, once until the next one.
 */
export class JsonRecords {
  /** The open object so far; empty between objects. */
  #held = '';
  #depth = 0;
  #quoted = false;
  #escaped = false;
  #strayed = false;

  get isBetweenRecords(): boolean {
    return this.#depth === 0;
  }

  push(text: string): JsonPiece[] {
    const pieces: JsonPiece[] = [];
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.#quoted) {
        if (this.#escaped) this.#escaped = false;
        else if (code === backslash) this.#escaped = true;
        else if (code === quote) this.#quoted = false;
      } else if (this.#depth === 0) {
        if (code === open) {
          start = at;
          this.#depth = 1;
          this.#strayed = false;
        } else if (code > 32 && code !== comma && code !== openList && code !== closeList && code !== close) {
          if (!this.#strayed) pieces.push({ kind: 'malformed' });
          this.#strayed = true;
        }
      } else if (code === quote) this.#quoted = true;
      else if (code === open) this.#depth += 1;
      else if (code === openList && this.#depth === 1 && this.#isEnvelope(text, start, at)) {
        this.#held = '';
        this.#depth = 0;
      } else if (code === close) {
        this.#depth -= 1;
        if (this.#depth > 0) continue;
        pieces.push({ kind: 'record', text: this.#held + text.slice(start, at + 1) });
        this.#held = '';
        start = at + 1;
        if (pieces.length >= piecesMax) {
          this.#strayed = true;
          return [...pieces, { kind: 'malformed' }];
        }
      }
    }
    if (this.#depth > 0) this.#held += text.slice(start);
    if (this.#held.length > charactersMax) {
      pieces.push(...this.end());
      this.#strayed = true;
    }
    return pieces;
  }

  /** What is open at the end of the input never closed. */
  end(): JsonPiece[] {
    const pieces: JsonPiece[] = this.#depth > 0 ? [{ kind: 'malformed' }] : [];
    this.#held = '';
    this.#depth = 0;
    this.#quoted = false;
    this.#escaped = false;
    return pieces;
  }

  /** Whether the list that begins here is the `records` of an object that holds nothing else before it. */
  #isEnvelope(text: string, start: number, at: number): boolean {
    if (this.#held.length + at - start > 64) return false;
    return /^\{\s*"records"\s*:\s*$/.test(this.#held + text.slice(start, at));
  }
}
