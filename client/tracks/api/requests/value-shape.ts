const lookedAt = 512;
const shapeMax = 128;

/**
 * What a value looks like and not what it says: runs of lower-case letters as a, of others as A, of digits as 9, beyond ASCII as
 * u; what separates them as it stands. Percent signs are decoded, twice where they were encoded twice. The head is the class
 * of its length. "O%27Brien" is "3A'Aa".
 */
export function shapeOfValue(value: string): string {
  const text = decoded(decoded(value.slice(0, lookedAt).replaceAll('+', ' ')));
  const shape = text.replace(/[a-z]+|[A-Z]+|[0-9]+|[^\p{ASCII}]+/gu, classOf).slice(0, shapeMax);
  return `${lengthClass(value.length)}${shape}`;
}

/** One character: 0, 1, 2–3, 4–7, … */
function lengthClass(length: number): string {
  return length === 0 ? '0' : Math.min(35, 32 - Math.clz32(length)).toString(36);
}

function classOf(run: string): string {
  const code = run.charCodeAt(0);
  if (code >= 97 && code <= 122) return 'a';
  if (code >= 65 && code <= 90) return 'A';
  return code >= 48 && code <= 57 ? '9' : 'u';
}

function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
}
