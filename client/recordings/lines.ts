/** What a stream gives until somebody has enough of it: it may have no line end, or no end, that anyone waits for. */
export async function* untilAborted<Piece>(
  pieces: AsyncIterable<Piece>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Piece> {
  for await (const piece of pieces) {
    yield piece;
    if (signal?.aborted) return;
  }
}

/** Beyond what any tool nests: a mebibyte of brackets costs a parser a hundred times what other text of that length does. */
const depthMax = 256;
const shortMax = 16_384;

/** JSON.parse of a line from elsewhere. Throws a SyntaxError for what nests deeper than 256, too. */
export function parseJsonLine(line: string): unknown {
  if (line.length > shortMax && isDeep(line)) throw new SyntaxError(`nested deeper than ${depthMax}`);
  return JSON.parse(line);
}

function isDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = stringEnd(text, at + 1);
    } else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > depthMax) return true;
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
  return false;
}

/** Of the quote that ends a string, or the end of the text. */
function stringEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at += 1;
    else if (code === 0x22) return at;
  }
  return text.length;
}
