/** Control characters but line breaks and tabs, and those that turn the direction of what follows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be acted upon.
const acting = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** What a peer or a person wrote, so that it can be read and do nothing else: what acts on text is shown by its number. */
export function Said({ text }: Readonly<{ text: string }>) {
  return <bdi>{visible(text)}</bdi>;
}

export function visible(text: string): string {
  return text.replace(acting, (one) => `⟨U+${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
}

/** Ids and digests. */
export function Code({ text }: Readonly<{ text: string }>) {
  return (
    <code>
      <Said text={text} />
    </code>
  );
}

export type Sign = 'critical' | 'warning' | 'notice' | 'good' | 'none';

const shapes: Readonly<Record<Sign, readonly [string, string]>> = {
  critical: ['■', 'critical'],
  warning: ['▲', 'warning'],
  notice: ['◆', 'notice'],
  good: ['●', 'good'],
  none: ['○', 'unknown'],
};

/**
 * A state by its shape, its colour and its word. The word is a label: a text that is moved out of sight is a layer of its own to the
 * browser, and of 500 clusters there are two thousand marks.
 */
export function Mark({ sign, title }: Readonly<{ sign: Sign; title?: string | undefined }>) {
  const [shape, word] = shapes[sign];
  return (
    <span class={`mark ${sign}`} role="img" aria-label={title === undefined ? word : `${word}: ${title}`} title={title}>
      {shape}
    </span>
  );
}
