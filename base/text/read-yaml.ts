import { LineCounter, parseDocument } from 'yaml';
import { ok, type Result, refuse } from '../fault.ts';

/**
 * The value of a text in YAML 1.2, which JSON is too. What the parser would only warn of is refused: a tag that nobody knows, an
 * alias that may be two, a key that is a list mean something else than who wrote them thinks; and its warnings would print the
 * lines, secrets among them. The fault holds none of the text beyond a name. `aliasesMax`: uses of one anchor at most; more
 * of them make a small text large.
 */
export function readYaml(text: string, aliasesMax = 100): Result<unknown, 'YAML_INVALID'> {
  if (isDeep(text)) return invalid(`nested deeper than ${depthMax}`);
  const lines = new LineCounter();
  // Pretty errors cost time that grows with their square.
  const document = parseDocument(text, { logLevel: 'error', prettyErrors: false, lineCounter: lines });
  const [wrong] = [...document.errors, ...document.warnings];
  if (wrong !== undefined) {
    const { line, col } = lines.linePos(wrong.pos[0]);
    return invalid(`${wrong.message} at line ${line}, column ${col}`);
  }
  try {
    return ok(document.toJS({ maxAliasCount: aliasesMax }));
  } catch (error) {
    return invalid((error as Error).message);
  }
}

const depthMax = 200;

/**
 * The parser calls itself for each level, and where the stack ends within a regular expression that is used for the first time, V8
 * ends the whole process. Brackets are counted in quotes and remarks too; a line's depth is at most its indentation, dashes
 * and question marks included.
 */
function isDeep(text: string): boolean {
  let open = 0;
  let blocks = 0;
  let isIndentation = true;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === newline) {
      isIndentation = true;
      blocks = 0;
    } else if (isIndentation && (isBlank(code) || (isMark(code) && isBlank(text.charCodeAt(at + 1))))) {
      blocks += 1;
      if (blocks > depthMax) return true;
    } else isIndentation = false;
    if (code === openList || code === openMap) open += 1;
    else if ((code === closeList || code === closeMap) && open > 0) open -= 1;
    if (open > depthMax) return true;
  }
  return false;
}

const [newline, openList, closeList, openMap, closeMap] = [10, 91, 93, 123, 125];
const isBlank = (code: number) => code === 32 || code === 9;
/** A dash or a question mark: of a list's item, of a key. */
const isMark = (code: number) => code === 45 || code === 63;

function invalid(message: string) {
  return refuse('YAML_INVALID', message.split('\n', 1)[0] as string);
}
