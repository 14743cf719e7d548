import { parseDocument } from 'yaml';
import { ok, type Result, refuse } from '../fault.ts';

/**
 * The value of a text in YAML 1.2, which JSON is too. What the parser would only warn of is refused: a tag that nobody knows, an
 * alias that may be two, a key that is a list mean something else than who wrote them thinks; and its warnings would print the
 * lines, secrets among them. The fault holds none of the text beyond a name. `aliasesMax`: uses of one anchor at most; more
 * of them make a small text large.
 */
export function readYaml(text: string, aliasesMax = 100): Result<unknown, 'YAML_INVALID'> {
  const document = parseDocument(text, { logLevel: 'error' });
  const [wrong] = [...document.errors, ...document.warnings];
  if (wrong !== undefined) return invalid(wrong.message);
  try {
    return ok(document.toJS({ maxAliasCount: aliasesMax }));
  } catch (error) {
    return invalid((error as Error).message);
  }
}

function invalid(message: string) {
  return refuse('YAML_INVALID', message.split('\n', 1)[0] as string);
}
