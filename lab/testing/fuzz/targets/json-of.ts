/** The JSON of a text; undefined for what is none, as readers of ours pass it on to the check of its shape. */
export function jsonOf(text: string, revived?: (name: string, member: unknown) => unknown): unknown {
  try {
    return JSON.parse(text, revived);
  } catch {
    return undefined;
  }
}
