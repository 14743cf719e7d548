import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Said } from './text.tsx';

/** What only a key on the operator's own machine can do: the command, ready to paste. */
export function Command({ text, children }: Readonly<{ text: string; children: ComponentChildren }>) {
  const [copied, setCopied] = useState(false);
  const copy = () => void navigator.clipboard.writeText(text).then(() => setCopied(true));
  return (
    <div class="command">
      <p class="quiet">{children}</p>
      <pre>
        <Said text={text} />
      </pre>
      <button type="button" class="plain" onClick={copy}>
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}
