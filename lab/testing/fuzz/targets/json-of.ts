/** The JSON of a text; undefined for what is none, as readers of ours pass it on to the check of its shape. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
